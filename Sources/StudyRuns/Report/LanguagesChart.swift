import Charts

/// What the languages share: a row a set.
struct LanguagesChart {
  let results: StudyResults

  var sheet: ChartSheet {
    ChartSheet(
      title: "Korean and English in one space", subtitle: "Means over the models",
      panels: results.sets.flatMap { set in
        [CrossLingualChart(results: results).panel(set), AnalogyChart(results: results).panel(set)]
      }.compactMap(\.self), columns: 2)
  }
}
