import Basics
import Dispatch
import Synchronization

/// Counts the words of a stream of texts, on several threads, in memory that is bounded by the number of distinct words.
///
/// The result depends on the texts and the limit alone: texts are counted in batches of a fixed size, and batches are
/// added up in their order.
struct WordCounter {
  /// Bytes of text.
  private static let batchBytes = 1 << 20

  let normalizer: TextNormalizer
  let threads: Int
  /// Distinct words to hold.
  let limit: Int

  func count(
    _ texts: some Sequence<String>, progress: (BytePairTrainer.Progress) -> Void
  ) -> WordCounts {
    var words = WordCounts(limit: limit)
    var (textCount, byteCount) = (0, 0)
    var batches: [[String]] = []
    var batch: [String] = []
    var batchSize = 0
    func closeBatch() {
      batches.append(batch)
      byteCount += batchSize
      (batch, batchSize) = ([], 0)
    }
    func countBatches() {
      add(batches, to: &words)
      batches = []
      progress(
        .counting(captions: textCount, bytes: byteCount, words: words.count, undercount: words.undercount))
    }
    for text in texts {
      textCount += 1
      batch.append(text)
      batchSize += text.utf8.count
      guard batchSize >= Self.batchBytes else { continue }
      closeBatch()
      if batches.count == threads { countBatches() }
    }
    closeBatch()
    countBatches()
    return words
  }

  private func add(_ batches: [[String]], to words: inout WordCounts) {
    if batches.count == 1 {
      for text in batches[0] { words.add(text, normalizer: normalizer) }
      return words.forgetRarestAboveLimit()
    }
    let counted = Mutex([WordCounts?](repeating: nil, count: batches.count))
    DispatchQueue.concurrentPerform(iterations: batches.count) { number in
      var counts = WordCounts()
      for text in batches[number] { counts.add(text, normalizer: normalizer) }
      counted.withLock { $0[number] = counts }
    }
    for counts in counted.withLock({ $0 }) {
      guard let counts else { continue }
      words.add(counts)
      words.forgetRarestAboveLimit()
    }
  }
}
