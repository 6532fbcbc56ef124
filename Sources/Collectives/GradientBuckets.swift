/// Sums a flat gradient over the ranks, unit by unit, while the backward pass still fills the rest.
///
/// The gradient is laid out in backward order: what backward finishes first lies first. One step is `begin`, any number
/// of `markReady(upTo:)` with growing offsets, then `finish()`. Gradients are summed, not averaged. With one
/// rank nothing happens and nothing is kept.
package final class GradientBuckets {
  /// 25 MiB: large enough for full bandwidth, small enough that the last one is soon through.
  package static let defaultBucketBytes = 25 << 20

  package let layout: GradientLayout
  /// Each rank gets the sum of its own parts only, as a sharded optimizer needs it.
  package let isSharded: Bool
  /// This rank's number among the parts.
  package let place: Int
  private let gradients: UnsafeMutableBufferPointer<Float>
  private let communicator: any Communicator
  private let touched: TouchedRows?
  private var packed: PackedRows?
  private var exchanges: [Exchange] = []
  private var readyCount = 0
  private var startedCount = 0
  /// Seconds that the caller stood still before `finish`.
  private var waitedSeconds = 0.0

  /// The cut of `count` gradients for this world.
  package static func layout(
    count: Int, bucketBytes: Int, communicator: any Communicator, rows: GradientLayout.Rows? = nil
  ) -> GradientLayout {
    precondition(bucketBytes > 0, "bucket of \(bucketBytes) bytes")
    // MPI counts bytes in 32 bits.
    let bytes = min(bucketBytes, 1 << 30)
    return GradientLayout(
      count: count, unitCount: max(1, bytes / MemoryLayout<Float>.stride), ranks: communicator.worldSize,
      rows: rows)
  }

  /// - Parameters:
  ///   - gradients: [parameter count], in backward order; must outlive this object.
  ///   - bucketBytes: the size of one exchange; the last bucket may be smaller.
  ///   - touched: the rows of a table that each step touches; nil where all of the gradient travels.
  package init(
    gradients: UnsafeMutableBufferPointer<Float>, communicator: any Communicator,
    bucketBytes: Int = GradientBuckets.defaultBucketBytes, touched: TouchedRows? = nil,
    style: ExchangeStyle = ExchangeStyle(), isSharded: Bool = false
  ) throws {
    (self.gradients, self.communicator, self.touched) = (gradients, communicator, touched)
    self.isSharded = isSharded
    place = communicator.place(style)
    layout = Self.layout(
      count: gradients.count, bucketBytes: bucketBytes, communicator: communicator, rows: touched?.table)
    guard communicator.worldSize > 1 else { return }
    let kind: Exchange.Kind = isSharded ? .reduceScatter : .allReduce
    packed = try touched.map {
      try PackedRows(gradients, $0, place: isSharded ? place : nil, communicator: communicator)
    }
    exchanges = layout.units.map { unit in
      let buffer = UnsafeMutableBufferPointer(rebasing: gradients[unit.range])
      let exchange = Exchange(kind, buffer, cuts: unit.cuts, style: style)
      if unit.isTable { packed!.attach(to: exchange, unit) }
      return exchange
    }
  }

  /// Says that `gradients[..<offset]` are final for this step, and starts every unit that is thereby full.
  package func markReady(upTo offset: Int) throws {
    precondition(
      (readyCount...gradients.count).contains(offset),
      "gradients ready up to \(offset) after \(readyCount), of \(gradients.count)")
    readyCount = offset
    guard communicator.worldSize > 1 else { return }
    while startedCount < exchanges.count, layout.units[startedCount].range.upperBound <= readyCount {
      try startNext()
    }
  }

  private func startNext() throws {
    let unit = layout.units[startedCount]
    if unit.isTable, unit.range.lowerBound == layout.rows!.range.lowerBound {
      waitedSeconds += try touched!.finish()
    }
    try communicator.start(exchanges[startedCount])
    startedCount += 1
  }

  /// Starts what is left, waits for every unit, and makes ready for the next step.
  ///
  /// - Returns: the seconds that the caller stood still: communication that compute did not hide.
  @discardableResult
  package func finish() throws -> Double {
    try markReady(upTo: gradients.count)
    defer { (readyCount, startedCount, waitedSeconds) = (0, 0, 0) }
    for exchange in exchanges { waitedSeconds += try exchange.wait() }
    return waitedSeconds
  }

  /// Σ g² of the whole summed gradient, from the parts that each rank has summed; equal on every rank. After `finish`,
  /// in a world of several.
  package func sumOfSquares() throws -> Double {
    var mine = 0.0
    for exchange in exchanges { mine += exchange.sumOfSquares }
    return try communicator.sum(mine)
  }
}
