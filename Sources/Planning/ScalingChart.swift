import Charts
import Foundation

/// Pictures of scaling curves: efficiency, throughput, and where a step's time goes.
package struct ScalingChart: Sendable {
  package var title: String
  package var subtitle: String
  package var curves: [ScalingCurve]

  package init(title: String, subtitle: String, curves: [ScalingCurve]) {
    (self.title, self.subtitle, self.curves) = (title, subtitle, curves)
  }

  package var sheet: ChartSheet {
    ChartSheet(
      title: title, subtitle: subtitle,
      panels: [efficiency, throughput].map(ChartPanel.lines) + curves.prefix(1).flatMap(details), columns: 2)
  }

  private var efficiency: LinePanel {
    panel(
      "Scaling efficiency", note: "pairs a second and node, % of one node's", yScale: .linear,
      yRange: 0...100,
      series: curves.map { Self.series($0.label, $0) { 100 * $0.efficiency } })
  }

  private var throughput: LinePanel {
    let single = curves.first?.points.first?.prediction.pairsPerSecond ?? 1
    let ideal = LinePanel.Series(
      "ideal", (curves.first?.points ?? []).map { .init($0.nodes, single * $0.nodes) }, isReference: true)
    return panel(
      "Pairs a second", note: "", yScale: .logarithmic,
      series: [ideal] + curves.map { Self.series($0.label, $0) { $0.prediction.pairsPerSecond } })
  }

  private func details(_ curve: ScalingCurve) -> [ChartPanel] {
    [
      panel(
        "Where a step's time goes", note: "seconds, \(curve.label)", yScale: .linear,
        series: [
          Self.series("step", curve) { $0.prediction.step.stepSeconds },
          Self.series("exposed", curve) { $0.prediction.step.exposedSeconds },
          Self.series("hidden", curve) { $0.prediction.step.hiddenSeconds },
        ]),
      panel(
        "Memory of a rank", note: "GiB, \(curve.label)", yScale: .linear,
        series: [
          Self.series("all", curve) { $0.prediction.memory.bytes / 1_073_741_824 },
          Self.series("activations", curve) { $0.prediction.memory.activationBytes / 1_073_741_824 },
        ]),
    ].map(ChartPanel.lines)
  }

  private func panel(
    _ title: String, note: String, yScale: LinePanel.Scale, yRange: ClosedRange<Double>? = nil,
    series: [LinePanel.Series]
  ) -> LinePanel {
    LinePanel(
      title: title, note: note, xAxis: "nodes", xScale: .logarithmic, yScale: yScale, yRange: yRange,
      series: series)
  }

  private static func series(
    _ label: String, _ curve: ScalingCurve, _ value: (ScalingCurve.Point) -> Double
  ) -> LinePanel.Series {
    LinePanel.Series(label, curve.points.map { .init($0.nodes, value($0)) })
  }
}

extension ScalingCurve {
  /// In a legend.
  package var label: String {
    switch kind {
    case .sameBatchPerRank: "same batch a rank"
    case .sameGlobalBatch: "same global batch"
    }
  }
}

extension ScalingCurve.Point {
  fileprivate var nodes: Double { Double(prediction.cluster.nodes) }
}
