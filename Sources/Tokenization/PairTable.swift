import Basics

/// Two neighbouring tokens as one word: the left id in the upper half, so that keys order as (left, right).
struct TokenPair: Hashable, Comparable, Sendable {
  let key: UInt64

  init(_ left: Int32, _ right: Int32) {
    key = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  init(key: UInt64) { self.key = key }

  var left: Int32 { Int32(truncatingIfNeeded: key >> 32) }
  var right: Int32 { Int32(truncatingIfNeeded: key) }

  static func < (a: TokenPair, b: TokenPair) -> Bool { a.key < b.key }
}

/// A flat open-addressing table from token pairs to 64-bit values, with a hash that is the same in every process.
struct PairTable: Sendable {
  /// No pair of ids has this key: ids are not negative.
  private static let free = UInt64.max

  private var keys: [UInt64]
  private var values: [Int64]
  private var mask: Int
  private(set) var count = 0

  init(minimumCapacity: Int = 8) {
    var slots = 16
    while slots < 2 * minimumCapacity { slots *= 2 }
    keys = Array(repeating: Self.free, count: slots)
    values = Array(repeating: 0, count: slots)
    mask = slots - 1
  }

  subscript(pair: TokenPair) -> Int64? {
    let slot = slot(of: pair.key)
    return keys[slot] == pair.key ? values[slot] : nil
  }

  /// The value of `pair`, set to `initial` first where the pair is new.
  mutating func value(of pair: TokenPair, orInsert initial: Int64) -> Int64 {
    values[occupiedSlot(of: pair.key, initial: initial)]
  }

  mutating func set(_ value: Int64, for pair: TokenPair) {
    values[occupiedSlot(of: pair.key, initial: value)] = value
  }

  mutating func add(_ amount: Int64, to pair: TokenPair) {
    values[occupiedSlot(of: pair.key, initial: 0)] += amount
  }

  private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: Hashing.mix(key)) & mask
    while keys[slot] != key && keys[slot] != Self.free { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func occupiedSlot(of key: UInt64, initial: Int64) -> Int {
    let found = slot(of: key)
    if keys[found] == key { return found }
    if 2 * (count + 1) > keys.count { grow() }
    let slot = slot(of: key)
    keys[slot] = key
    values[slot] = initial
    count += 1
    return slot
  }

  private mutating func grow() {
    var larger = PairTable(minimumCapacity: keys.count)
    for (key, value) in zip(keys, values) where key != Self.free {
      larger.set(value, for: TokenPair(key: key))
    }
    self = larger
  }
}
