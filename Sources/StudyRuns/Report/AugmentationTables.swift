/// Classification beside retrieval, a table a set, and what the variants cost.
struct AugmentationTables {
  private let rows: StudyRows

  init(_ rows: StudyRows) { self.rows = rows }

  var all: [StudyTable] { (rows.results.sets.map(table) + [cost]).compactMap(\.self) }

  private func table(_ set: String) -> StudyTable? {
    let languages = rows.results.languages
    return rows.table(
      "\(rows.results.title(set)): zero-shot classification and retrieval, %",
      languages.flatMap { classification(set, $0) } + languages.flatMap { retrieval(set, $0) })
  }

  private func classification(_ set: String, _ language: String) -> [StudyTable.Row?] {
    let (prefix, name) = ("\(set).zero-shot.\(language)", StudyRows.language(language))
    return [("top1", "top-1"), ("top5", "top-5"), ("mean_per_class", "mean per class")].map { key, label in
      rows.row(
        "\(name) prompts, \(label)", "\(prefix).\(key)", .percent,
        chance: "\(prefix).chance_top1", guesses: key == "top5" ? 5 : 1)
    }
  }

  private func retrieval(_ set: String, _ language: String) -> [StudyTable.Row?] {
    let (prefix, name) = ("\(set).retrieval.\(language)", StudyRows.language(language))
    let ways = [("text_to_image", "text → image"), ("image_to_text", "image → text")]
    return ways.flatMap { way, label in
      [1, 5, 10].map { k in
        rows.row(
          "\(name) \(label), R@\(k)", "\(prefix).\(way)_R@\(k)", .percent,
          chance: "\(prefix).chance_R@1", guesses: k)
      }
    }
  }

  private var cost: StudyTable? {
    var cost = rows.table(
      "cost of training a model",
      [
        rows.row("contrastive updates", "training.steps.contrastive", .count),
        rows.row("updates of the joint objective", "training.steps.joint", .count),
        rows.row("updates of masked autoencoding", "training.steps.mae", .count),
        rows.row("seconds of all steps", "training.seconds", .seconds),
        rows.row("seconds a step", "training.seconds_per_step", .seconds),
      ])
    // Nothing is guessed here.
    cost?.columns.removeLast()
    for index in cost?.rows.indices ?? 0..<0 { cost?.rows[index].cells.removeLast() }
    return cost
  }
}
