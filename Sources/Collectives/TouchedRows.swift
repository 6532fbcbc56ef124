/// The rows of a table that a global batch touches: the others' gradients are zero on every rank, and stay at home.
///
/// A step is `begin(ids)`, which tells the other ranks in the background, then `finish()`, after which `rows` holds.
package final class TouchedRows {
  package let table: GradientLayout.Rows
  /// Ascending; of all ranks' batches together, equal on every rank.
  package var rows: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(rebasing: found[..<foundCount]) }
  private let found: UnsafeMutableBufferPointer<Int32>
  private var foundCount = 0
  /// [N, words]: a bit for each row, in the order of places.
  private let bits: UnsafeMutableBufferPointer<UInt32>
  private let wordCount: Int
  private let place: Int
  private let communicator: any Communicator
  private let gather: Exchange

  package init(_ table: GradientLayout.Rows, communicator: any Communicator) {
    (self.table, self.communicator) = (table, communicator)
    let rowCount = table.range.count / table.width
    let (wordCount, ranks) = ((rowCount + 31) / 32, communicator.worldSize)
    self.wordCount = wordCount
    place = communicator.place(ExchangeStyle())
    found = .allocate(capacity: rowCount)
    bits = .allocate(capacity: wordCount * ranks)
    bits.initialize(repeating: 0)
    // A gather moves bytes: the words travel as floats of the same size.
    let words = UnsafeMutableRawBufferPointer(bits).bindMemory(to: Float.self)
    gather = Exchange(
      .allGather, words, cuts: (0...ranks).map { $0 * wordCount }, style: ExchangeStyle())
  }

  deinit {
    found.deallocate()
    bits.deallocate()
  }

  /// - Parameter ids: the rows that this rank's batch touches, in any order; those outside the table are none.
  package func begin(_ ids: [Int32]) throws {
    let rowCount = table.range.count / table.width
    let mine = UnsafeMutableBufferPointer(rebasing: bits[place * wordCount..<(place + 1) * wordCount])
    mine.update(repeating: 0)
    for id in ids where id >= 0 && id < rowCount { mine[Int(id) / 32] |= 1 << (UInt32(id) % 32) }
    if communicator.worldSize > 1 { try communicator.start(gather) }
  }

  /// - Returns: the seconds that the caller stood still.
  package func finish() throws -> Double {
    let waited = communicator.worldSize > 1 ? try gather.wait() : 0
    foundCount = 0
    for word in 0..<wordCount {
      var united: UInt32 = 0
      for rank in 0..<communicator.worldSize { united |= bits[rank * wordCount + word] }
      while united != 0 {
        found[foundCount] = Int32(word * 32 + united.trailingZeroBitCount)
        foundCount += 1
        united &= united - 1
      }
    }
    return waited
  }

  /// The places in `rows` of those that lie in `range` of the table's rows.
  package func indices(within range: Range<Int>) -> Range<Int> {
    firstIndex(from: range.lowerBound)..<firstIndex(from: range.upperBound)
  }

  /// How many of `rows` come before row `row`.
  package func firstIndex(from row: Int) -> Int {
    var (low, high) = (0, foundCount)
    while low < high {
      let middle = (low + high) / 2
      if Int(found[middle]) < row { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Clears the rows of the last step, the only ones that are not zero.
  package func clear(_ gradients: UnsafeMutableBufferPointer<Float>) {
    let base = gradients.baseAddress! + table.range.lowerBound
    for row in rows { (base + Int(row) * table.width).update(repeating: 0, count: table.width) }
  }
}
