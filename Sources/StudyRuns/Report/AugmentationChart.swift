import Charts

/// Classification against retrieval: a panel a set and language, a point a variant.
struct AugmentationChart {
  private let results: StudyResults

  init(_ results: StudyResults) { self.results = results }

  var sheet: ChartSheet {
    ChartSheet(
      title: "What augmentation does to classification and to retrieval",
      subtitle: "Means over seeds with their sample standard deviation; up and to the right is better",
      panels: results.sets.flatMap { set in results.languages.compactMap { panel(set, $0) } },
      columns: max(1, results.languages.count))
  }

  private func panel(_ set: String, _ language: String) -> ChartPanel? {
    let points = results.variants.compactMap { point($0, set, language) }
    guard !points.isEmpty else { return nil }
    return .scatter(
      ScatterPanel(
        title: "\(results.title(set)), \(StudyRows.language(language))",
        xAxis: "retrieval: R@1, mean of both directions, %", yAxis: "classification: top-1, %",
        points: points))
  }

  private func point(_ variant: String, _ set: String, _ language: String) -> ScatterPanel.Point? {
    let models = results.models(of: variant).map(\.measures)
    let found = models.compactMap { measures -> Double? in
      let ways = ["text_to_image", "image_to_text"].compactMap {
        measures["\(set).retrieval.\(language).\($0)_R@1"]
      }
      return ways.count == 2 ? (ways[0] + ways[1]) / 2 : nil
    }
    let told = models.compactMap { $0["\(set).zero-shot.\(language).top1"] }
    guard let x = Spread(found), let y = Spread(told) else { return nil }
    return ScatterPanel.Point(variant, x: Self.percent(x), y: Self.percent(y))
  }

  private static func percent(_ spread: Spread) -> ScatterPanel.Value {
    ScatterPanel.Value(100 * spread.mean, deviation: 100 * (spread.deviation ?? 0))
  }
}
