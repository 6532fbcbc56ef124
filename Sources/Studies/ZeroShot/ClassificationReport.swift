import Evaluation

/// How often pictures are told to be of their class.
package struct ClassificationReport: Sendable, Equatable {
  package var labels: [String]
  /// By class, then by the class that was told: the counts.
  package private(set) var confusion: [[Int]]
  private var amongFive: Int

  package init(labels: [String]) {
    self.labels = labels
    confusion = labels.map { _ in [Int](repeating: 0, count: labels.count) }
    amongFive = 0
  }

  /// - Parameters:
  ///   - label: the picture's class, as its place in `labels`.
  ///   - best: classes in falling order of score; equal scores in the order of `labels`, as `RankedScore` puts them.
  package mutating func add(_ label: Int, best: [Int]) {
    confusion[label][best[0]] += 1
    if best.prefix(5).contains(label) { amongFive += 1 }
  }

  /// Adds what another rank has counted.
  package mutating func add(_ counts: Counts) {
    for (row, others) in counts.confusion.enumerated() {
      for (column, count) in others.enumerated() { confusion[row][column] += count }
    }
    amongFive += counts.amongFive
  }

  /// What ranks tell each other.
  package struct Counts: Codable, Sendable {
    var confusion: [[Int]]
    var amongFive: Int
  }

  package var counts: Counts { Counts(confusion: confusion, amongFive: amongFive) }

  package var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }
  package var top1: Double { fraction(labels.indices.reduce(0) { $0 + confusion[$1][$1] }) }
  package var top5: Double { fraction(amongFive) }

  /// Of the classes that have pictures, each counting the same.
  package var meanPerClass: Double {
    let known = labels.indices.compactMap(accuracy)
    return known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
  }

  /// Nil for a class without pictures.
  package func accuracy(_ label: Int) -> Double? {
    let all = confusion[label].reduce(0, +)
    return all == 0 ? nil : Double(confusion[label][label]) / Double(all)
  }

  private func fraction(_ part: Int) -> Double { count == 0 ? 0 : Double(part) / Double(count) }
}
