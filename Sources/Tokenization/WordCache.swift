import Synchronization

/// A bounded cache of words already tokenised. A word has one slot, and a newer word takes an older one's:
/// nothing grows, and threads meet only where they look at the same stripe at the same time.
final class WordCache: Sendable {
  private struct Entry: Sendable {
    var word: [UInt8] = []
    var ids: [Int32] = []
  }

  private final class Stripe: Sendable {
    let entries = Mutex([Entry](repeating: Entry(), count: WordCache.entriesPerStripe))
  }

  private static let stripeCount = 16
  private static let entriesPerStripe = 2048
  /// Longer words are rare and would only hold memory.
  private static let longestWord = 64

  private let stripes = (0..<stripeCount).map { _ in Stripe() }

  /// Appends the ids of `word` to `ids`, from the cache or from `compute`.
  func append(
    _ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32],
    compute: (UnsafeBufferPointer<UInt8>) -> [Int32]
  ) {
    guard word.count <= Self.longestWord else { return ids += compute(word) }
    let hash = ByteHash.hash(word)
    let stripe = stripes[Int(hash >> 32) % Self.stripeCount]
    let index = Int(truncatingIfNeeded: hash) & (Self.entriesPerStripe - 1)
    let hit = stripe.entries.withLock { entries in
      guard entries[index].word.elementsEqual(word) else { return false }
      ids += entries[index].ids
      return true
    }
    if hit { return }
    let fresh = compute(word)
    ids += fresh
    let entry = Entry(word: Array(word), ids: fresh)
    stripe.entries.withLock { $0[index] = entry }
  }
}

/// A hash of short byte strings that is the same in every process (FNV-1a with a final mix).
enum ByteHash {
  static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash ^ (hash >> 29)
  }
}
