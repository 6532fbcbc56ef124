import Charts

/// How sums of features do by the weight of the words: a panel a set, a line a language and variant.
struct AnalogyChart {
  private let results: StudyResults

  init(_ results: StudyResults) { self.results = results }

  var sheet: ChartSheet {
    ChartSheet(
      title: "Picture + λ · (new word - old word)",
      subtitle: "How often the picture that is found first has the changed caption; means over the models",
      panels: results.sets.compactMap(panel))
  }

  private func panel(_ set: String) -> ChartPanel? {
    let series = results.variants.flatMap { variant in
      results.languages.compactMap { line(set, variant, $0) }
    }
    guard !series.isEmpty else { return nil }
    return .lines(
      LinePanel(
        title: "\(results.title(set)): R@1, %", xAxis: "λ; 0 is the picture alone", xScale: .linear,
        yScale: .linear,
        series: series))
  }

  private func line(_ set: String, _ variant: String, _ language: String) -> LinePanel.Series? {
    let prefix = "\(set).analogy.\(language).weights."
    let points = results.weights(prefix).compactMap { weight -> LinePanel.Point? in
      guard let value = results.spread("\(prefix)\(weight).R@1", of: variant) else { return nil }
      return Double(weight).map { LinePanel.Point($0, 100 * value.mean) }
    }
    guard !points.isEmpty else { return nil }
    let name = StudyRows.language(language)
    return LinePanel.Series(results.variants.count > 1 ? "\(variant), \(name)" : name, points)
  }
}
