import Basics

/// A pseudo-random permutation of 0..<count that is computed one element at a time, in constant memory.
///
/// A balanced Feistel network over the next even power of two, walked along its cycle until it lands inside
/// (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002), then turned by a keyed offset, so
/// that every place is equally likely even on the smallest domains. At most 4 steps are walked on average.
package struct KeyedPermutation: Sendable {
  private static let rounds: UInt64 = 6

  package let count: Int
  private let key: UInt64
  private let halfBits: UInt64

  package init(count: Int, key: UInt64) {
    precondition(count > 0)
    self.count = count
    self.key = key
    let bits = UInt64(Int.bitWidth - (count - 1).leadingZeroBitCount)
    halfBits = max(1, (bits + 1) / 2)
  }

  /// The image of `index`; distinct indices have distinct images.
  package func callAsFunction(_ index: Int) -> Int {
    precondition((0..<count).contains(index))
    var value = UInt64(index)
    repeat { value = encrypt(value) } while value >= UInt64(count)
    let turn = Hashing.combine(key, Self.rounds) % UInt64(count)
    return Int((value + turn) % UInt64(count))
  }

  private func encrypt(_ value: UInt64) -> UInt64 {
    let mask = (UInt64(1) << halfBits) - 1
    var left = value >> halfBits
    var right = value & mask
    for round in 0..<Self.rounds {
      (left, right) = (right, left ^ (Hashing.combine(key, round, right) & mask))
    }
    return left << halfBits | right
  }
}
