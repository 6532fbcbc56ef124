import Basics
import Charts
import Foundation
import Imaging

extension FilterReport {
  /// `report.txt`, `report.png` and, last, `report.json`: where it lies the filter is done.
  func write(to work: WorkFolder, rules: [any FilterRule], font: FontFace) throws {
    try work.write(Data((description + "\n").utf8), to: work.result("report.txt"))
    let picture = sheet(rules).draw(font: font)
    try work.write(Data(PNGCodec.encode(picture)), to: work.result("report.png"))
    try work.write(try json(), to: work.result(Self.jsonName))
  }

  private func sheet(_ rules: [any FilterRule]) -> ChartSheet {
    let limits = rules.flatMap(\.limits)
    let histograms = ReportLimit.Distribution.allCases.compactMap { distribution in
      panel(distribution, limits: limits.filter { $0.distribution == distribution })
    }
    return ChartSheet(
      title: "kelip data filter: \(kept.digitGrouped) of \(samples.digitGrouped) samples kept",
      subtitle: "behind: every readable sample; in front: those that were kept; lines: limits of the rules",
      panels: [.bars(drops), .bars(languages)] + histograms.map(ChartPanel.histogram))
  }

  private var drops: BarPanel {
    let unreadableCount = unreadable.values.reduce(0, +)
    let bars =
      [BarPanel.Bar("unreadable", unreadableCount)] + self.rules.map { BarPanel.Bar($0.rule, $0.dropped) }
    return BarPanel(
      title: "Dropped by rule", note: "in the order of the rules", bars: bars.filter { $0.count > 0 })
  }

  private var languages: BarPanel {
    BarPanel(
      title: "Languages",
      bars: before.languages.keys.sorted().map {
        BarPanel.Bar($0, after.languages[$0] ?? 0, earlier: before.languages[$0])
      })
  }

  private func panel(_ distribution: ReportLimit.Distribution, limits: [ReportLimit]) -> HistogramPanel? {
    guard let old = before.distributions[distribution.rawValue] else { return nil }
    let new = after.distributions[distribution.rawValue]
    let bins = distribution.bins
    let outside = old.belowCount + old.aboveCount
    return HistogramPanel(
      title: distribution.title, note: outside == 0 ? "" : "\(outside.digitGrouped) outside of the axis",
      axis: distribution.axis, bins: bins,
      series: [
        .init("before", old.counts), .init("after", new?.counts ?? [Int](repeating: 0, count: bins.count)),
      ],
      thresholds: limits.map { .init($0.value, $0.label) })
  }
}
