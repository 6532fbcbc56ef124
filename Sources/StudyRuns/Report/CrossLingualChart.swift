import Charts

/// How well texts find those of the other language, by the length of the query: a line a direction and variant.
struct CrossLingualChart {
  let results: StudyResults

  /// Fewest words of the bands that `kelip eval cross-lingual` tells of, under their names there.
  private static let bands = [
    (1.0, "1 word"), (2.0, "2 words"), (3.0, "3–4 words"), (5.0, "5 words and more"),
  ]

  func panel(_ set: String) -> ChartPanel? {
    let ways = [("ko_to_en", "Korean to English"), ("en_to_ko", "English to Korean")]
    let series = results.variants.flatMap { variant in
      ways.compactMap { line(set, variant, $0, $1) }
    }
    guard !series.isEmpty else { return nil }
    return .lines(
      LinePanel(
        title: "Texts across languages",
        note: "\(results.title(set)): that of the same picture is found first, %",
        xAxis: "words of the query: 1, 2, 3 to 4, 5 and more", xScale: .linear, yScale: .linear,
        series: series))
  }

  private func line(_ set: String, _ variant: String, _ way: String, _ name: String) -> LinePanel.Series? {
    let points = Self.bands.compactMap { words, band -> LinePanel.Point? in
      let measure = "\(set).cross-lingual.\(way)_by_length.\(band).R@1"
      return results.spread(measure, of: variant).map { LinePanel.Point(words, 100 * $0.mean) }
    }
    guard !points.isEmpty else { return nil }
    return LinePanel.Series(results.variants.count > 1 ? "\(variant), \(name)" : name, points)
  }
}
