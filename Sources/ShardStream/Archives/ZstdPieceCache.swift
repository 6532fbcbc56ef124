import Synchronization

/// A decompressed part of a tar.
final class ZstdPiece: Sendable {
  static let largestSize = 4 << 20

  /// Byte of the tar.
  let start: Int
  let bytes: [UInt8]
  /// Why the data end here; nil where they go on, and at the end of the file.
  let fault: TarFault?

  init(start: Int, bytes: [UInt8], fault: TarFault?) {
    (self.start, self.bytes, self.fault) = (start, bytes, fault)
  }

  var range: Range<Int> { start..<(start + bytes.count) }

  /// Copies from byte `offset` of the tar on, as much as there is and fits.
  func copy(from offset: Int, into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(range.upperBound - offset, target.count)
    bytes.withUnsafeBytes { source in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[(offset - start)...].prefix(count)))
    }
    return count
  }
}

/// The pieces that were used last, of all shards of the process, up to a number of bytes.
final class ZstdPieceCache: Sendable {
  static let defaultBudget = 1 << 30
  static let shared = ZstdPieceCache(budget: defaultBudget)

  struct Key: Hashable {
    let layout: UInt64
    let start: Int
  }

  private let state: Mutex<State>

  init(budget: Int) { state = Mutex(State(budget: budget)) }

  var budget: Int {
    get { state.withLock { $0.budget } }
    set {
      state.withLock { state in
        state.budget = newValue
        state.evict()
      }
    }
  }

  /// Bytes that are held now.
  var byteCount: Int { state.withLock { $0.byteCount } }

  func piece(_ key: Key) -> ZstdPiece? { state.withLock { $0.use(key) } }

  func insert(_ piece: ZstdPiece, _ key: Key) {
    state.withLock { $0.insert(piece, key) }
  }

  private struct State {
    /// What an entry costs besides its bytes.
    static let overhead = 256

    var budget: Int
    var byteCount = 0
    var entries: [Key: (piece: ZstdPiece, use: UInt64)] = [:]
    /// Every use in order; one that is not its entry's last is passed over.
    var uses: [(key: Key, use: UInt64)] = []
    var firstUse = 0
    var useCount: UInt64 = 0

    init(budget: Int) { self.budget = budget }

    mutating func use(_ key: Key) -> ZstdPiece? {
      guard let piece = entries[key]?.piece else { return nil }
      touch(key, piece)
      return piece
    }

    mutating func insert(_ piece: ZstdPiece, _ key: Key) {
      remove(key)
      byteCount += piece.bytes.count + Self.overhead
      touch(key, piece)
      evict()
    }

    private mutating func touch(_ key: Key, _ piece: ZstdPiece) {
      useCount += 1
      entries[key] = (piece, useCount)
      uses.append((key, useCount))
      guard uses.count > 4 * entries.count + 1024 else { return }
      uses = uses[firstUse...].filter { entries[$0.key]?.use == $0.use }
      firstUse = 0
    }

    mutating func evict() {
      while byteCount > budget, firstUse < uses.count {
        let oldest = uses[firstUse]
        firstUse += 1
        if entries[oldest.key]?.use == oldest.use { remove(oldest.key) }
      }
    }

    private mutating func remove(_ key: Key) {
      guard let entry = entries.removeValue(forKey: key) else { return }
      byteCount -= entry.piece.bytes.count + Self.overhead
    }
  }
}
