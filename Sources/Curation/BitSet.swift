/// A bit for each of many samples.
struct BitSet: Sendable, Equatable {
  private var words: [UInt64]
  let count: Int

  init(count: Int) {
    self.count = count
    words = [UInt64](repeating: 0, count: (count + 63) / 64)
  }

  subscript(index: Int) -> Bool { words[index >> 6] >> UInt64(index & 63) & 1 == 1 }

  /// - Returns: whether the bit was new.
  @discardableResult
  mutating func insert(_ index: Int) -> Bool {
    precondition(index >= 0 && index < count, "bit \(index) of \(count)")
    let isNew = !self[index]
    words[index >> 6] |= 1 << UInt64(index & 63)
    return isNew
  }

  /// How many bits are set.
  var population: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
