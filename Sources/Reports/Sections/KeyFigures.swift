/// The last and the best value of each key of `metrics.jsonl` that says how good a run is.
struct KeyFigures {
  enum Aim { case smallest, largest }

  struct Entry {
    var key: String
    var last: Figure
    /// Nil for keys that have no better or worse, and where no value is finite.
    var best: Figure?
  }

  let entries: [Entry]

  private static let others: Set<String> = ["lr", "grad_norm", "logit_scale", "epoch", "samples_seen"]

  /// - Parameter index: the run's place in the report.
  init(_ metrics: MetricsTable, run index: Int) {
    entries = metrics.columns.compactMap { column in
      let aim = Self.aim(column.name)
      guard let last = column.last, aim != nil || Self.others.contains(column.name) else { return nil }
      func figure(_ place: MetricColumn.Place?) -> Figure? {
        place.map { Figure(run: index, key: column.name, step: $0.step, value: $0.value) }
      }
      let best: MetricColumn.Place? =
        switch aim {
        case .smallest: column.smallest
        case .largest: column.largest
        case nil: nil
        }
      return Entry(key: column.name, last: figure(last)!, best: figure(best))
    }
  }

  subscript(_ key: String) -> Entry? { entries.first { $0.key == key } }

  /// What is better; nil for keys of which none is.
  static func aim(_ key: String) -> Aim? {
    if key.hasSuffix("loss") || key.hasPrefix("contrastive_loss_") || key.hasSuffix("_median_rank") {
      return .smallest
    }
    if key.contains("_R@") || key == "validation_score" { return .largest }
    return nil
  }
}
