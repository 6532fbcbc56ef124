import Basics
import Charts

extension ClassificationReport {
  /// Under the names that scripts read.
  package var json: JSONText {
    .object([
      ("count", .integer(count)), ("classes", .integer(labels.count)), ("top1", .number(top1)),
      ("top5", .number(top5)), ("mean_per_class", .number(meanPerClass)),
      ("chance_top1", .number(1 / Double(labels.count))),
      ("labels", .array(labels.map(JSONText.string))),
      ("confusion", .array(confusion.map { row in .array(row.map(JSONText.integer)) })),
      (
        "per_class",
        .object(labels.indices.compactMap { place in accuracy(place).map { (labels[place], .number($0)) } })
      ),
    ])
  }

  /// What each class is told to be, as fractions of its pictures.
  package func confusionMap(title: String) -> HeatMap {
    let percent = { (value: Double) in "\((1000 * value).rounded() / 10) %" }
    return HeatMap(
      title: title,
      subtitle:
        "\(count) pictures; top-1 \(percent(top1)), top-5 \(percent(top5)), mean per class \(percent(meanPerClass))",
      rowTitle: "what they are", columnTitle: "what they are told to be, in per cent", labels: labels,
      values: confusion.map { row in
        let all = row.reduce(0, +)
        return row.map { all == 0 ? nil : Double($0) / Double(all) }
      })
  }
}
