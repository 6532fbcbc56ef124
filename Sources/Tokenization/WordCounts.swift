/// How often each word occurs in a corpus; words are byte strings and keep the order of their first appearance.
///
/// Counts are exact while no more than `limit` words are distinct. Beyond that, the rarest are forgotten (lossy counting,
/// after Manku and Motwani 2002): a count is then too low by at most `undercount`, and a word that is missing occurred
/// at most that often.
struct WordCounts {
  private(set) var counts: [Int64] = []
  /// The most that a count can be too low by.
  private(set) var undercount: Int64 = 0
  private let limit: Int
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var hashes: [UInt64] = []
  /// Open addressing: index of a word, or -1.
  private var slots = [Int32](repeating: -1, count: 1024)

  init(limit: Int = Int(Int32.max)) {
    precondition(limit > 0 && limit <= Int(Int32.max))
    self.limit = limit
  }

  var count: Int { counts.count }

  func word(_ index: Int) -> ArraySlice<UInt8> { bytes[start(of: index)..<ends[index]] }

  private func start(of index: Int) -> Int { index == 0 ? 0 : ends[index - 1] }

  mutating func add(_ text: String, normalizer: TextNormalizer) {
    var text = text
    let normalized = text.withUTF8(normalizer.normalized)
    normalized.withUnsafeBufferPointer { buffer in
      for range in WordScanner(buffer) {
        let word = UnsafeBufferPointer(rebasing: buffer[range])
        add(word, hash: ByteHash.hash(word), count: 1)
      }
    }
  }

  /// Adds the counts of `others`; words that are new come in the order that they have there.
  mutating func add(_ others: WordCounts) {
    others.bytes.withUnsafeBufferPointer { bytes in
      for index in 0..<others.count {
        let word = UnsafeBufferPointer(rebasing: bytes[others.start(of: index)..<others.ends[index]])
        add(word, hash: others.hashes[index], count: others.counts[index])
      }
    }
  }

  private mutating func add(_ word: UnsafeBufferPointer<UInt8>, hash: UInt64, count added: Int64) {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if hashes[index] == hash && holds(index, word) {
        counts[index] += added
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(count)
    bytes += word
    ends.append(bytes.count)
    hashes.append(hash)
    counts.append(added)
    if 2 * count > slots.count { index(slotCount: 2 * slots.count) }
  }

  @inline(__always)
  private func holds(_ index: Int, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = start(of: index)
    guard ends[index] - start == word.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      for offset in 0..<word.count where bytes[start + offset] != word[offset] { return false }
      return true
    }
  }

  private mutating func index(slotCount: Int) {
    slots = Array(repeating: -1, count: slotCount)
    for (index, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index)
    }
  }

  /// Above the limit, forgets the rarest words until at most half as many are left.
  mutating func forgetRarestAboveLimit() {
    guard count > limit else { return }
    let threshold = counts.sorted(by: >)[limit / 2]
    undercount += threshold
    var kept = WordCounts(limit: limit)
    bytes.withUnsafeBufferPointer { bytes in
      for index in 0..<count where counts[index] > threshold {
        let word = UnsafeBufferPointer(rebasing: bytes[start(of: index)..<ends[index]])
        kept.add(word, hash: hashes[index], count: counts[index])
      }
    }
    kept.undercount = undercount
    self = kept
  }
}
