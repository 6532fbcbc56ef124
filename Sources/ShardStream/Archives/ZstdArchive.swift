import Basics
import Synchronization

/// The tar inside a `.tar.zst`: any number of frames, skippable ones among them, with or without content sizes.
///
/// A read decompresses the piece that holds it, from the last place before it at which one can begin, and keeps the
/// pieces that it met for later reads. One thread decompresses a shard at a time, so none does it twice.
final class ZstdArchive: Sendable {
  enum Access {
    /// Anywhere; pieces are kept in the cache of the process.
    case random
    /// From front to back; pieces are dropped soon.
    case scan
  }

  /// Pieces that a scan keeps: those of the sample that it stands at.
  private static let recentCount = 4
  /// A decompressor in the middle of a frame is kept if it needs no more memory than this.
  private static let largestHeldWindow = 8 << 20

  private let file: PositionalFile
  let layout: ZstdLayout
  private let cache: ZstdPieceCache
  private let state = Mutex(State())

  private struct State {
    var random: ZstdCursor?
    var scan: ZstdCursor?
    var recent: [ZstdPiece] = []
  }

  init(_ file: PositionalFile, cache: ZstdPieceCache = .shared) {
    (self.file, self.cache) = (file, cache)
    layout = ZstdLayouts.layout(of: file.identity)
  }

  /// By content, or where there is none to tell, by name.
  static func isArchive(_ file: PositionalFile) throws -> Bool {
    if file.path.hasSuffix(".zst") || file.path.hasSuffix(".tzst") { return true }
    return try withUnsafeTemporaryAllocation(byteCount: 4, alignment: 1) { bytes in
      let count = try file.read(into: bytes, at: 0)
      guard count == 4 else { return false }
      return bytes[1...].elementsEqual([0xB5, 0x2F, 0xFD]) && bytes[0] == 0x28
        || bytes[1...].elementsEqual([0x2A, 0x4D, 0x18]) && bytes[0] & 0xF0 == 0x50
    }
  }

  /// Reads from byte `offset` of the tar on, up to the end of a piece; 0 at the end of the tar.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int, as access: Access) throws -> Int {
    try piece(holding: offset, access)?.copy(from: offset, into: buffer) ?? 0
  }

  /// Whether the tar has `offset` bytes or more.
  func reaches(_ offset: Int) throws -> Bool {
    try offset == 0 || piece(holding: offset - 1, .scan) != nil
  }

  /// Nil at the end of the tar; throws where the data are damaged.
  private func piece(holding offset: Int, _ access: Access) throws -> ZstdPiece? {
    if let piece = cached(offset) { return piece }
    let piece = try state.withLock { state -> ZstdPiece? in
      if let recent = state.recent.last(where: { $0.range.contains(offset) }) { return recent }
      // Another thread may have decompressed it meanwhile.
      if let piece = cached(offset) { return piece }
      if access == .scan, offset >= state.scan?.position ?? 0 { return try scan(to: offset, &state) }
      return try decompress(offset, &state)
    }
    if let piece, let fault = piece.fault, !piece.range.contains(offset) { throw fault }
    return piece
  }

  private func cached(_ offset: Int) -> ZstdPiece? {
    guard let start = layout.pieceStart(offset),
      let piece = cache.piece(ZstdPieceCache.Key(layout: layout.number, start: start))
    else { return nil }
    return piece.range.contains(offset) ? piece : nil
  }

  private func scan(to offset: Int, _ state: inout State) throws -> ZstdPiece? {
    let cursor = state.scan ?? ZstdCursor(file, layout, from: RestartPoint(stored: 0, offset: 0))
    state.scan = cursor
    while let piece = try cursor.next() {
      if state.recent.count == Self.recentCount { state.recent.removeFirst() }
      state.recent.append(piece)
      if piece.range.upperBound > offset || piece.fault != nil { return piece }
    }
    return nil
  }

  private func decompress(_ offset: Int, _ state: inout State) throws -> ZstdPiece? {
    try explore(to: offset)
    let restart = layout.restart(before: offset)
    let kept = state.random.flatMap { (restart.offset...offset).contains($0.position) ? $0 : nil }
    let cursor = kept ?? ZstdCursor(file, layout, from: restart)
    // Only a cursor that came through without an error is kept.
    state.random = nil
    defer { if cursor.heldBytes <= Self.largestHeldWindow, !cursor.hasFailed { state.random = cursor } }
    while let piece = try cursor.next() {
      // What is met on a long way must not drive out everything else.
      if !piece.bytes.isEmpty, offset - piece.start <= cache.budget / 2 {
        cache.insert(piece, ZstdPieceCache.Key(layout: layout.number, start: piece.start))
      }
      if piece.range.upperBound > offset || piece.fault != nil { return piece }
    }
    return nil
  }
}

// MARK: - Finding frames without decompressing them.

extension ZstdArchive {
  /// Goes from frame to frame by their headers, as long as these tell their content's size.
  private func explore(to offset: Int) throws {
    var next = layout.frontier
    while next.offset <= offset, let following = try frame(after: next) {
      layout.frameStarts(at: following)
      next = following
    }
  }

  /// The frame after the one at `point`; nil where that needs decompression, or is at the end or at damage.
  private func frame(after point: RestartPoint) throws -> RestartPoint? {
    guard point.stored < file.size else { return nil }
    switch try Self.header(file, at: point.stored) {
    case .failure: return nil
    case .success(.skippable(let length)):
      return RestartPoint(stored: point.stored + length, offset: point.offset)
    case .success(.data(let data)):
      guard let size = data.contentSize, size <= 1 << 40 else { return nil }
      guard let end = try blocksEnd(point.stored + data.headerLength) else { return nil }
      return RestartPoint(stored: end + (data.hasChecksum ? 4 : 0), offset: point.offset + Int(size))
    }
  }

  /// Where a frame's blocks end, by their headers (RFC 8878, section 3.1.1.2).
  private func blocksEnd(_ start: Int) throws -> Int? {
    var stored = start
    while let header = try blockHeader(stored) {
      let size = header >> 3
      stored += 3 + (header >> 1 & 3 == 1 ? 1 : size)
      if header & 1 == 1 { return stored }
    }
    return nil
  }

  private func blockHeader(_ stored: Int) throws -> Int? {
    try withUnsafeTemporaryAllocation(byteCount: 3, alignment: 1) { bytes in
      guard try file.read(into: bytes, at: stored) == 3 else { return nil }
      return Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16
    }
  }

  static func header(
    _ file: PositionalFile, at stored: Int
  ) throws -> Result<ZstdFrameHeader, ZstdFrameHeader.Failure> {
    try withUnsafeTemporaryAllocation(byteCount: ZstdFrameHeader.largestLength, alignment: 1) { bytes in
      let count = try file.read(into: bytes, at: stored)
      return Result { () throws(ZstdFrameHeader.Failure) in
        try ZstdFrameHeader(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      }
    }
  }
}
