/// Whether the languages meet, whether words call up the same pictures, and whether features can be added: a table a set.
struct LanguageTables {
  private let rows: StudyRows

  init(_ rows: StudyRows) { self.rows = rows }

  var all: [StudyTable] {
    rows.results.sets.flatMap { [crossLingual($0), culture($0), analogy($0)] }.compactMap(\.self)
  }

  private func crossLingual(_ set: String) -> StudyTable? {
    let prefix = "\(set).cross-lingual"
    let ways = [("ko_to_en", "Korean → English"), ("en_to_ko", "English → Korean")]
    return rows.table(
      "\(rows.results.title(set)): the text of the same picture in the other language, %",
      [rows.row("pairs of texts", "\(prefix).count", .count)]
        + ways.flatMap { way, label in
          [1, 5, 10].map { k in
            rows.row(
              "\(label), R@\(k)", "\(prefix).\(way)_R@\(k)", .percent,
              chance: "\(prefix).chance_R@1", guesses: k)
          } + [rows.row("\(label), median rank", "\(prefix).\(way)_median_rank", .rank)]
        })
  }

  private func culture(_ set: String) -> StudyTable? {
    let prefix = "\(set).culture"
    return rows.table(
      "\(rows.results.title(set)): first pictures that a word and its translation share, %",
      [
        rows.row("pictures", "\(prefix).pictures", .count),
        rows.row(
          "mean over the words", "\(prefix).mean_overlap", .percent, chance: "\(prefix).chance_overlap"),
      ])
  }

  private func analogy(_ set: String) -> StudyTable? {
    rows.table(
      "\(rows.results.title(set)): picture + λ · (new word − old word) finds a picture of the changed caption, %",
      rows.results.languages.flatMap { language -> [StudyTable.Row?] in
        let (prefix, name) = ("\(set).analogy.\(language)", StudyRows.language(language))
        return [rows.row("\(name), questions", "\(prefix).count", .count)]
          + rows.results.weights("\(prefix).weights.").flatMap { weight in
            [1, 5].map { k in
              rows.row("\(name), λ = \(weight), R@\(k)", "\(prefix).weights.\(weight).R@\(k)", .percent)
            }
          }
      })
  }
}

extension StudyResults {
  /// The factors that sums were tried with, rising, as they stand in the names of measures.
  func weights(_ prefix: String) -> [String] {
    let names = models.flatMap(\.measures.keys).filter { $0.hasPrefix(prefix) && $0.hasSuffix(".R@1") }
    let weights = Set(names.map { String($0.dropFirst(prefix.count).dropLast(".R@1".count)) })
    return weights.sorted { (Double($0) ?? 0) < (Double($1) ?? 0) }
  }
}
