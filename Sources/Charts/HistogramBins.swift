import Foundation

/// The bins of a histogram: bin i holds edges[i] ≤ value < edges[i + 1], the last one its upper edge too.
package struct HistogramBins: Sendable, Equatable {
  package enum Scale: Sendable, Equatable { case linear, logarithmic }

  package let scale: Scale
  /// Ascending, one more than there are bins.
  package let edges: [Double]

  package var count: Int { edges.count - 1 }
  /// Whether whole numbers are what is counted: all edges are some.
  var isWhole: Bool { edges.allSatisfy { $0 == $0.rounded() } }
  package var range: ClosedRange<Double> { edges[0]...edges[edges.count - 1] }

  /// - Parameter edges: finite and ascending, at least two; positive on a logarithmic scale.
  package init(edges: [Double], scale: Scale = .linear) {
    precondition(edges.count >= 2 && edges.allSatisfy(\.isFinite), "\(edges.count) edges")
    precondition(zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 }, "the edges do not ascend")
    precondition(scale == .linear || edges[0] > 0, "a logarithmic scale begins above zero")
    self.edges = edges
    self.scale = scale
  }

  /// `count` equal bins from `low` to `high`; where both are the same number, one bin of width 1 around it.
  package static func linear(from low: Double, to high: Double, count: Int) -> HistogramBins {
    precondition(low <= high && count > 0, "\(low) to \(high) in \(count) bins")
    guard low < high else { return HistogramBins(edges: [low - 0.5, low + 0.5]) }
    return HistogramBins(edges: (0...count).map { low + (high - low) * Double($0) / Double(count) })
  }

  /// `count` bins from `low` to `high` whose edges have one ratio; where both are the same number, one bin from
  /// half to twice of it.
  package static func logarithmic(from low: Double, to high: Double, count: Int) -> HistogramBins {
    precondition(0 < low && low <= high && count > 0, "\(low) to \(high) in \(count) bins")
    guard low < high else { return HistogramBins(edges: [low / 2, low * 2], scale: .logarithmic) }
    let inner = (1..<max(1, count)).map { low * pow(high / low, Double($0) / Double(count)) }
    return HistogramBins(edges: [low] + inner + [high], scale: .logarithmic)
  }

  /// Bins of a round width that cover `range`, about `count` of them; whole numbers as edges where `isInteger`.
  package static func round(
    covering range: ClosedRange<Double>, about count: Int, isInteger: Bool = false
  ) -> HistogramBins {
    let width = AxisTicks.roundStep(atLeast: (range.upperBound - range.lowerBound) / Double(max(1, count)))
    let step = isInteger ? max(1, width) : width
    let first = (range.lowerBound / step + 1e-9).rounded(.down)
    let last = max(first + 1, (range.upperBound / step + 1e-9).rounded(.down) + 1)
    return HistogramBins(edges: stride(from: first, through: last, by: 1).map { $0 * step })
  }

  /// The bin of `value`; nil outside of all, and for what is not a number.
  package func index(of value: Double) -> Int? {
    guard value >= edges[0], value <= edges[count] else { return nil }
    var low = 0
    var high = count
    while high - low > 1 {
      let middle = (low + high) / 2
      if value >= edges[middle] { low = middle } else { high = middle }
    }
    return low
  }

  /// Where `value` lies between the first edge (0) and the last (1), as the axis is drawn.
  func position(of value: Double) -> Double {
    func place(_ value: Double) -> Double { scale == .linear ? value : log(value) }
    return (place(value) - place(edges[0])) / (place(edges[count]) - place(edges[0]))
  }
}

/// Counts of values by bin, and of those that no bin takes.
package struct BinnedCounts: Sendable, Equatable {
  package let bins: HistogramBins
  package private(set) var counts: [Int]
  package private(set) var belowCount = 0
  package private(set) var aboveCount = 0
  /// Not a number, or infinite either way.
  package private(set) var notFiniteCount = 0

  package init(_ bins: HistogramBins) {
    self.bins = bins
    counts = [Int](repeating: 0, count: bins.count)
  }

  package mutating func add(_ value: Double, times: Int = 1) {
    if let index = bins.index(of: value) {
      counts[index] += times
    } else if !value.isFinite {
      notFiniteCount += times
    } else if value < bins.edges[0] {
      belowCount += times
    } else {
      aboveCount += times
    }
  }
}
