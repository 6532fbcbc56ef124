/// Sums a flat gradient over the ranks, bucket by bucket, while the backward pass still fills the rest.
///
/// The gradient is laid out in backward order: what backward finishes first lies first. One step is any number
/// of `markReady(upTo:)` with growing offsets, then `finish()`. Gradients are summed, not averaged. With one
/// rank nothing happens and nothing is kept.
package final class GradientBuckets {
  /// 25 MiB: large enough for full bandwidth, small enough that the last one is soon through.
  package static let defaultBucketBytes = 25 << 20

  private let gradients: UnsafeMutableBufferPointer<Float>
  private let communicator: any Communicator
  /// Elements a bucket.
  private let bucketCount: Int
  private var readyCount = 0
  private var startedCount = 0
  private var pending: [PendingCollective] = []

  /// - Parameters:
  ///   - gradients: [parameter count], in backward order; must outlive this object.
  ///   - bucketBytes: the size of one all-reduce; the last bucket may be smaller.
  package init(
    gradients: UnsafeMutableBufferPointer<Float>, communicator: any Communicator,
    bucketBytes: Int = GradientBuckets.defaultBucketBytes
  ) {
    precondition(bucketBytes > 0, "bucket of \(bucketBytes) bytes")
    self.gradients = gradients
    self.communicator = communicator
    bucketCount = max(1, bucketBytes / MemoryLayout<Float>.stride)
  }

  /// Says that `gradients[..<offset]` are final for this step, and starts every bucket that is thereby full.
  package func markReady(upTo offset: Int) throws {
    precondition(
      (readyCount...gradients.count).contains(offset),
      "gradients ready up to \(offset) after \(readyCount), of \(gradients.count)")
    readyCount = offset
    guard communicator.worldSize > 1 else { return }
    while startedCount < readyCount {
      let end = min(startedCount + bucketCount, gradients.count)
      guard end <= readyCount else { return }
      try start(startedCount..<end)
    }
  }

  /// Starts what is left, waits for every bucket, and makes ready for the next step.
  ///
  /// - Returns: the seconds that the caller stood still: communication that compute did not hide.
  @discardableResult
  package func finish() throws -> Double {
    try markReady(upTo: gradients.count)
    defer { reset() }
    return try pending.reduce(0) { try $0 + $1.wait() }
  }

  private func start(_ range: Range<Int>) throws {
    let bucket = UnsafeMutableBufferPointer(rebasing: gradients[range])
    pending.append(try communicator.startAllReduceSum(bucket))
    startedCount = range.upperBound
  }

  private func reset() {
    readyCount = 0
    startedCount = 0
    pending.removeAll(keepingCapacity: true)
  }
}
