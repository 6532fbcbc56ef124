import Basics
import Benchmarks
import Foundation

/// The phases of a step and its matrix products as tables for people.
struct StepTable {
  private let report: StepReport

  init(_ report: StepReport) { self.report = report }

  var lines: [String] {
    guard let phases = report.phases else { return [] }
    return ["", Self.row("phase", "ms", "share", "GFLOP/s", "calls")] + tree(phases, 0, depth: 0) + [
      "", Self.row("operation", "ms", "share", "GFLOP/s", "calls"),
    ] + operations(phases) + (report.products.map { [""] + ProductTable($0, phases).lines } ?? [])
  }

  private func tree(_ phases: PhaseRecord, _ index: Int, depth: Int) -> [String] {
    let node = phases.nodes[index]
    let indent = String(repeating: "  ", count: depth)
    let children = node.children.sorted { phases.nodes[$0].seconds > phases.nodes[$1].seconds }
    var lines = [
      Self.row(
        indent + node.label, seconds: node.seconds, of: phases.seconds, flops: phases.totalFlops(index),
        calls: node.calls)
    ]
    lines += children.flatMap { tree(phases, $0, depth: depth + 1) }
    let own = phases.ownSeconds(index)
    if !children.isEmpty, own >= 0.001 * phases.seconds {
      lines.append(Self.row(indent + "  other", seconds: own, of: phases.seconds, flops: 0, calls: nil))
    }
    return lines
  }

  private func operations(_ phases: PhaseRecord) -> [String] {
    phases.byPhase.map {
      Self.row(
        $0.phase?.label ?? "other", seconds: $0.seconds, of: phases.seconds, flops: $0.flops, calls: $0.calls)
    }
  }

  private static func row(_ name: String, seconds: Double, of whole: Double, flops: Double, calls: Int?)
    -> String
  {
    row(
      name, String(format: "%.1f", seconds * 1_000), String(format: "%.1f %%", 100 * seconds / whole),
      flops > 0 ? String(format: "%.0f", flops / seconds * 1e-9) : "", calls.map { String($0) } ?? "")
  }

  private static func row(_ name: String, _ cells: String...) -> String {
    ([name.padding(toLength: 36, withPad: " ", startingAt: 0)] + cells.map { $0.paddedLeft(to: 9) }).joined()
  }
}

/// Matrix products by shape.
struct ProductTable {
  private let result: ProductBenchmark.Result
  private let phases: PhaseRecord?

  init(_ result: ProductBenchmark.Result, _ phases: PhaseRecord? = nil) {
    (self.result, self.phases) = (result, phases)
  }

  var lines: [String] {
    var cells = [["product", "rows", "inputs", "outputs", "count", "ms", "GFLOP/s", "in step"]]
    for rate in result.rates {
      let inStep = phases?.shapes[rate.shape].map { rate.totalFlops / $0.seconds * 1e-9 }
      cells.append(
        [rate.shape.kind.rawValue.replacingOccurrences(of: "_", with: " ")]
          + [rate.shape.rows, rate.shape.inputs, rate.shape.outputs, rate.count].map { String($0) } + [
            String(format: "%.3f", rate.seconds * 1_000), String(format: "%.0f", rate.gigaflops),
            inStep.map { String(format: "%.0f", $0) } ?? "",
          ])
    }
    for kind in ProductShape.Kind.allCases {
      cells.append(summary(kind.rawValue.replacingOccurrences(of: "_", with: " "), result.gigaflops(kind)))
    }
    cells.append(summary("all, time-weighted", result.gigaflops))
    return cells.map { row in
      row[0].padding(toLength: 20, withPad: " ", startingAt: 0)
        + row.dropFirst().map { $0.paddedLeft(to: 9) }.joined()
    }
  }

  private func summary(_ name: String, _ gigaflops: Double) -> [String] {
    [name, "", "", "", "", "", String(format: "%.0f", gigaflops), ""]
  }
}

extension String {
  fileprivate func paddedLeft(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
