import Synchronization

/// A bounded cache of words already tokenised. A word has one slot, and a newer word takes an older one's:
/// nothing grows, and threads meet only where they look at the same stripe at the same time.
final class WordCache: Sendable {
  /// The slots of a stripe in one piece of memory: hash, lengths, ids, bytes of each, 128 bytes together.
  private final class Stripe: @unchecked Sendable {
    let lock = Mutex(())
    let memory: UnsafeMutableRawPointer

    init() {
      let byteCount = WordCache.slotsPerStripe * WordCache.slotBytes
      memory = .allocate(byteCount: byteCount, alignment: 128)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { memory.deallocate() }
  }

  private static let stripeCount = 16
  private static let slotsPerStripe = 2048
  private static let slotBytes = 128
  private static let lengthsOffset = 8
  private static let idsOffset = 12
  private static let wordOffset = 64
  /// Longer words are rare and would only hold memory.
  private static let longestWord = slotBytes - wordOffset
  private static let mostIDs = (wordOffset - idsOffset) / MemoryLayout<Int32>.size

  private let stripes = (0..<stripeCount).map { _ in Stripe() }

  /// Appends the ids of `word` to `ids`, from the cache or from `compute`.
  func append(
    _ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32],
    compute: (UnsafeBufferPointer<UInt8>, inout [Int32]) -> Void
  ) {
    guard word.count <= Self.longestWord, let start = word.baseAddress else { return compute(word, &ids) }
    let hash = ByteHash.hash(word)
    let stripe = stripes[Int(hash >> 32) % Self.stripeCount]
    let slot = stripe.memory + (Int(truncatingIfNeeded: hash) & (Self.slotsPerStripe - 1)) * Self.slotBytes
    let isHit = stripe.lock.withLock { _ in
      guard slot.load(as: UInt64.self) == hash,
        slot.load(fromByteOffset: Self.lengthsOffset, as: UInt8.self) == UInt8(word.count),
        (slot + Self.wordOffset).isEqual(to: start, count: word.count)
      else { return false }
      let count = Int(slot.load(fromByteOffset: Self.lengthsOffset + 1, as: UInt8.self))
      ids.append(
        contentsOf: UnsafeBufferPointer(
          start: (slot + Self.idsOffset).assumingMemoryBound(to: Int32.self), count: count))
      return true
    }
    if isHit { return }
    let first = ids.count
    compute(word, &ids)
    guard ids.count - first <= Self.mostIDs else { return }
    stripe.lock.withLock { _ in
      slot.storeBytes(of: hash, as: UInt64.self)
      slot.storeBytes(of: UInt8(word.count), toByteOffset: Self.lengthsOffset, as: UInt8.self)
      slot.storeBytes(of: UInt8(ids.count - first), toByteOffset: Self.lengthsOffset + 1, as: UInt8.self)
      (slot + Self.wordOffset).copyMemory(from: start, byteCount: word.count)
      ids[first...].withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        (slot + Self.idsOffset).copyMemory(from: base, byteCount: bytes.count)
      }
    }
  }
}

extension UnsafeMutableRawPointer {
  @inline(__always)
  fileprivate func isEqual(to other: UnsafePointer<UInt8>, count: Int) -> Bool {
    for offset in 0..<count where load(fromByteOffset: offset, as: UInt8.self) != other[offset] {
      return false
    }
    return true
  }
}

/// A hash of short byte strings that is the same in every process (FNV-1a with a final mix).
enum ByteHash {
  @inline(__always)
  static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash ^ (hash >> 29)
  }
}
