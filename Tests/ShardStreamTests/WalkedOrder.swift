@testable import ShardStream

/// The first global batches of an order.
struct WalkedOrder {
  let batches: [[SampleDraw]]

  init(_ order: GlobalOrder, steps: Int, from start: Int = 0) {
    var cursor = order.cursor()
    batches = (start..<(start + steps)).map {
      cursor.draws(step: $0, slots: 0..<order.globalBatchSize)
    }
  }

  /// The component's samples of one epoch, as they come.
  func samples(component: Int, epoch: Int) -> [SampleID] {
    batches.joined().filter { $0.component == component && $0.epoch == epoch }
      .map { SampleID(shard: $0.shard, index: $0.ordinal) }
  }
}
