import Foundation
import ShardStream

/// Says on standard error how many items could not be used, by reason.
///
/// - Parameter examples: by reason, where one is known.
func tellLeftOut(_ counts: [String: Int], examples: [String: String] = [:]) {
  for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
    let example = examples[reason].map { ", first \($0)" } ?? ""
    FileHandle.standardError.write(Data("left out: \(count) × \(reason)\(example)\n".utf8))
  }
}

func tellLeftOut(_ skipped: [SkippedSample]) {
  let byReason = Dictionary(grouping: skipped, by: \.reason)
  tellLeftOut(byReason.mapValues(\.count), examples: byReason.mapValues { $0[0].key })
}
