import Basics
import Benchmarks
import Charts
import Foundation
import Imaging

/// The phases of a step as a picture.
struct StepPicture {
  private let report: StepReport
  private let phases: PhaseRecord
  private let title: String

  init(_ report: StepReport, title: String) {
    guard let phases = report.phases else { preconditionFailure("a report without phases") }
    (self.report, self.phases, self.title) = (report, phases, title)
  }

  func draw(font: FontFace) -> RGBImage {
    FlameChart(
      title: title, subtitle: subtitle, root: span(0),
      bars: phases.byPhase.filter { $0.seconds > 0 }.map { operation in
        FlameChart.Bar(
          label: operation.phase?.label ?? "other", note: note(operation.seconds, operation.flops),
          length: operation.seconds, kind: Self.kind(operation.phase))
      }
    ).draw(font: font)
  }

  private var subtitle: String {
    let rates = String(
      format: "%.0f GFLOP/s, %.0f %% of the %.0f of its matrix products alone", report.gigaflops ?? 0,
      100 * (report.shareOfProductRate ?? 0), report.productGigaflops ?? 0)
    return String(
      format: "%.3g pairs a second over %d rank%@, %.0f tokens a caption; a rank's step of %.3g s: ",
      report.samplesPerSecond, report.worldSize, report.worldSize == 1 ? "" : "s", report.tokensPerCaption,
      report.stepSeconds) + rates
  }

  private func span(_ index: Int) -> FlameChart.Span {
    let node = phases.nodes[index]
    var children = node.children.sorted { phases.nodes[$0].seconds > phases.nodes[$1].seconds }.map(span)
    let own = phases.ownSeconds(index)
    if !children.isEmpty, own > 0 {
      children.append(.init(label: "other", note: note(own, 0), length: own, kind: .other))
    }
    return .init(
      label: node.label, note: note(node.seconds, phases.totalFlops(index)), length: node.seconds,
      kind: Self.kind(node.phase), children: children)
  }

  private func note(_ seconds: Double, _ flops: Double) -> String {
    let time = String(format: "%.1f ms, %.1f %%", seconds * 1_000, 100 * seconds / phases.seconds)
    return flops > 0 ? time + String(format: ", %.0f GFLOP/s", flops / seconds * 1e-9) : time
  }

  private static func kind(_ phase: Phase?) -> FlameChart.Kind {
    switch phase {
    case nil: .other
    case .imageForward, .imageBackward, .textForward, .textBackward, .loss: .section
    case .product, .dataGradient, .weightGradient, .convolution, .convolutionDataGradient,
      .convolutionWeightGradient, .convolutionGradients:
      .product
    case .attention, .attentionBackward: .attention
    case .layerNorm, .batchNorm: .norm
    case .activation, .pooling, .embedding, .rows, .clearing: .elementwise
    case .communication: .communication
    case .weightCopies, .zeroGradients, .gradientNorm, .update: .update
    }
  }
}
