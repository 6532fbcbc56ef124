/// How often each word occurs in a corpus; words are byte strings and keep the order of their first appearance.
struct WordCounts {
  private(set) var counts: [Int64] = []
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var hashes: [UInt64] = []
  /// Open addressing: index of a word, or -1.
  private var slots = [Int32](repeating: -1, count: 1024)

  var count: Int { counts.count }

  func word(_ index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

  mutating func add(_ text: String, normalizer: TextNormalizer) {
    var text = text
    let normalized = text.withUTF8(normalizer.normalized)
    normalized.withUnsafeBufferPointer { buffer in
      for range in WordScanner(buffer) { add(UnsafeBufferPointer(rebasing: buffer[range])) }
    }
  }

  private mutating func add(_ word: UnsafeBufferPointer<UInt8>) {
    let hash = ByteHash.hash(word)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if hashes[index] == hash && self.word(index).elementsEqual(word) {
        counts[index] += 1
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(count)
    bytes += word
    ends.append(bytes.count)
    hashes.append(hash)
    counts.append(1)
    if 2 * count > slots.count { grow() }
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: 2 * slots.count)
    for (index, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index)
    }
  }
}
