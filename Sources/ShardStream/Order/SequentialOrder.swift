/// The natural order for evaluation: every sample once, as the shards have them, the last batch as it is.
package struct SequentialOrder: Sendable {
  package let batchSize: Int
  private let numbering: SampleNumbering

  package init(shardSampleCounts: [Int], batchSize: Int) {
    precondition(batchSize > 0)
    self.batchSize = batchSize
    numbering = SampleNumbering(shardSampleCounts: shardSampleCounts)
  }

  package var sampleCount: Int { numbering.count }
  package var batchCount: Int { (sampleCount + batchSize - 1) / batchSize }

  /// The sample numbers of batch `batch`; only the last batch may have fewer than `batchSize`.
  package func batch(_ batch: Int) -> Range<Int> {
    precondition((0..<batchCount).contains(batch))
    return (batch * batchSize)..<min((batch + 1) * batchSize, sampleCount)
  }

  package func sample(_ number: Int) -> SampleID { numbering.sample(number) }
}
