/// Which keys of `metrics.jsonl` are drawn, and together with which.
struct ChartCatalogue {
  /// Keys that share a chart where one run is shown.
  struct Group {
    var title: String
    var unit = ""
    var fromZero = false
    /// With what a legend calls them.
    var keys: [(key: String, label: String)]
  }

  private static let hidden: Set<String> = ["step", "epoch", "samples_seen", "updated", "stage"]
  private static let lossParts = ["contrastive_loss", "masked_image_loss", "masked_text_loss", "mae_loss"]
  private static let times = ["step_seconds", "compute_seconds", "data_seconds", "communication_seconds"]

  /// In the order of a report.
  let groups: [Group]

  /// - Parameter columns: of all runs.
  init(_ columns: [[MetricColumn]]) {
    var left: [String] = []
    for column in columns.joined()
    where column.count > 0 && !Self.hidden.contains(column.name) && !left.contains(column.name) {
      left.append(column.name)
    }
    var groups: [Group] = []
    func add(_ title: String, _ unit: String = "", fromZero: Bool = false, _ label: (String) -> String?) {
      let keys = left.compactMap { key in label(key).map { (key: key, label: $0) } }
      left.removeAll { key in keys.contains { $0.key == key } }
      if !keys.isEmpty { groups.append(Group(title: title, unit: unit, fromZero: fromZero, keys: keys)) }
    }
    add("Loss") { $0 == "loss" ? "loss" : nil }
    if Self.isLossItself(columns) { left.removeAll(where: Self.lossParts.contains) }
    add("Parts of the loss") { Self.lossParts.contains($0) ? $0.replacing("_", with: " ") : nil }
    add("Contrastive loss of languages and crops", "nats") { Self.tail($0, after: "contrastive_loss_") }
    add("Validation loss", "nats") { Self.validation($0, "_loss") }
    for rank in ["R@1", "R@5", "R@10"] {
      add("Validation \(rank)", fromZero: true) { Self.validation($0, "_\(rank)") }
    }
    add("Validation median rank", fromZero: true) { Self.validation($0, "_median_rank") }
    add("Validation score", "R@1, mean", fromZero: true) { $0 == "validation_score" ? "score" : nil }
    add("Learning rate", fromZero: true) { $0 == "lr" ? "lr" : nil }
    add("Gradient norm", "before clipping") { $0 == "grad_norm" ? "norm" : nil }
    add("Logit scale") { $0 == "logit_scale" ? "scale" : nil }
    add("Samples per second", "pairs/s, all ranks", fromZero: true) {
      $0 == "samples_per_second" ? "rate" : nil
    }
    add("Time of a step", "s", fromZero: true) { Self.times.contains($0) ? Self.timeLabel($0) : nil }
    add("Spread of ranks' times", "s", fromZero: true) { $0 == "rank_skew_seconds" ? "spread" : nil }
    let isAnySkipped = columns.joined().contains { $0.name == "skipped_samples" && $0.sum > 0 }
    if !isAnySkipped { left.removeAll { $0 == "skipped_samples" } }
    add("Bad samples of a step", fromZero: true) { $0 == "skipped_samples" ? "replaced" : nil }
    add("Epochs of the mixture", fromZero: true) { Self.tail($0, after: "component_epochs.") }
    for key in left { add(key) { $0 == key ? key : nil } }
    self.groups = groups
  }

  /// Where the contrastive loss is all of it, one curve shows both.
  private static func isLossItself(_ columns: [[MetricColumn]]) -> Bool {
    columns.allSatisfy { own in
      let parts = own.filter { lossParts.contains($0.name) && $0.count > 0 }
      let loss = own.first { $0.name == "loss" }
      return parts.count <= 1 && parts.allSatisfy { $0.sum == loss?.sum && $0.count == loss?.count }
    }
  }

  private static func tail(_ key: String, after head: String) -> String? {
    key.hasPrefix(head) ? String(key.dropFirst(head.count)) : nil
  }

  private static func timeLabel(_ key: String) -> String {
    key == "step_seconds" ? "whole step" : String(key.dropLast("_seconds".count))
  }

  /// `validation_ko_text_to_image_R@1` is `ko text → image`.
  private static func validation(_ key: String, _ end: String) -> String? {
    guard key.hasPrefix("validation_"), key.hasSuffix(end) else { return nil }
    let own = String(key.dropFirst("validation_".count).dropLast(end.count))
    return own.replacing("_text_to_image", with: " text → image").replacing(
      "_image_to_text", with: " image → text")
  }
}

extension ChartCatalogue {
  /// The curves of one run.
  func charts(_ run: RunContents, prefix: String) -> [LineChart] {
    groups.compactMap { group in
      let series = group.keys.enumerated().compactMap { index, entry -> LineChart.Series? in
        guard let column = run.metrics.column(entry.key), column.count > 0 else { return nil }
        return LineChart.Series(label: entry.label, colour: index, curve: column.curve)
      }
      guard !series.isEmpty else { return nil }
      // A chart of one series says which it is.
      let isAlone = group.keys.count == 1
      let title = series.count == 1 && !isAlone ? "\(group.title): \(series[0].label)" : group.title
      return chart(group, title, prefix, series)
    }
  }

  /// The same key of several runs in one chart each.
  func charts(_ runs: [RunContents], prefix: String) -> [LineChart] {
    groups.flatMap { group in
      group.keys.compactMap { entry in
        let series = runs.enumerated().compactMap { index, run -> LineChart.Series? in
          guard let column = run.metrics.column(entry.key), column.count > 0 else { return nil }
          return LineChart.Series(label: run.name, colour: index, curve: column.curve)
        }
        guard !series.isEmpty else { return nil }
        let title = group.keys.count == 1 ? group.title : "\(group.title): \(entry.label)"
        return chart(group, title, prefix, series)
      }
    }
  }

  private func chart(_ group: Group, _ title: String, _ prefix: String, _ series: [LineChart.Series])
    -> LineChart
  {
    let letters = title.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    let slug = String(letters).split(separator: "-").joined(separator: "-")
    return LineChart(
      title: title, unit: group.unit, fileName: prefix + slug, fromZero: group.fromZero, series: series)
  }
}
