/// From the bytes of tokens to their ids, in flat open-addressing storage.
///
/// Keys are bytes because Swift's `String` takes canonically equivalent texts as equal: 각 as one syllable and as three
/// jamo are two tokens.
struct TokenTable: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var ids: [Int32] = []
  private var hashes: [UInt64] = []
  /// Index of an entry, or -1.
  private var slots: [Int32]

  init(minimumCapacity: Int = 8) {
    var count = 16
    while count < 2 * minimumCapacity { count *= 2 }
    slots = Array(repeating: -1, count: count)
    ids.reserveCapacity(minimumCapacity)
  }

  subscript(token: UnsafeBufferPointer<UInt8>) -> Int32? {
    let entry = slots[slot(of: token, hash: ByteHash.hash(token))]
    return entry >= 0 ? ids[Int(entry)] : nil
  }

  subscript(token: String) -> Int32? {
    var token = token
    return token.withUTF8 { self[$0] }
  }

  /// Gives `token` this id.
  ///
  /// - Returns: the id that it had until now.
  @discardableResult
  mutating func set(_ id: Int32, for token: String) -> Int32? {
    var token = token
    return token.withUTF8 { set(id, for: $0) }
  }

  private mutating func set(_ id: Int32, for token: UnsafeBufferPointer<UInt8>) -> Int32? {
    let hash = ByteHash.hash(token)
    let slot = slot(of: token, hash: hash)
    if slots[slot] >= 0 {
      defer { ids[Int(slots[slot])] = id }
      return ids[Int(slots[slot])]
    }
    slots[slot] = Int32(ids.count)
    bytes += token
    ends.append(bytes.count)
    hashes.append(hash)
    ids.append(id)
    if 2 * ids.count > slots.count { grow() }
    return nil
  }

  private func slot(of token: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] >= 0, !holds(Int(slots[slot]), token, hash) { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  private func holds(_ entry: Int, _ token: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Bool {
    hashes[entry] == hash && bytes[(entry == 0 ? 0 : ends[entry - 1])..<ends[entry]].elementsEqual(token)
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: 2 * slots.count)
    for (entry, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(entry)
    }
  }
}
