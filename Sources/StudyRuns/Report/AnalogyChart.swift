import Charts

/// How sums of features do by the weight of the words: a line a language and variant.
struct AnalogyChart {
  let results: StudyResults

  func panel(_ set: String) -> ChartPanel? {
    let series = results.variants.flatMap { variant in
      results.languages.compactMap { line(set, variant, $0) }
    }
    guard !series.isEmpty else { return nil }
    return .lines(
      LinePanel(
        title: "Picture + λ · (new word - old word)",
        note: "\(results.title(set)): the first picture found has the changed caption, %",
        xAxis: "λ; 0 is the picture alone", xScale: .linear,
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
