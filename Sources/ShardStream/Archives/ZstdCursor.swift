import Basics

/// Decompresses a `.tar.zst` from a restart point on, piece by piece. For one user at a time.
final class ZstdCursor {
  /// What a shard may expand to: real tars come to 1 to 60 times their compressed size, zeros to 30,000 times.
  static let expansionAllowance = 64 << 20
  static let expansionFactor = 200

  private let file: PositionalFile
  private let layout: ZstdLayout
  private let stream: ZstdStream
  /// The last restart point that was passed: pieces are cut from there.
  private var group: RestartPoint
  /// Byte of the tar that comes next.
  private(set) var position: Int
  private var frame: Frame?
  private var end: TarFault?
  /// The file could not be read: where the cursor stands is not known.
  private(set) var hasFailed = false

  private struct Frame {
    /// Byte of the tar.
    let start: Int
    let windowSize: UInt64
  }

  init(_ file: PositionalFile, _ layout: ZstdLayout, from point: RestartPoint) {
    (self.file, self.layout) = (file, layout)
    (group, position) = (point, point.offset)
    stream = ZstdStream(file)
    stream.begin(at: point.stored)
  }

  /// Bytes that the decompressor holds on to between two pieces.
  var heldBytes: Int { Int(clamping: frame?.windowSize ?? 0) }

  /// The next piece; nil at the end of the file. A piece with a fault is the last one.
  func next() throws -> ZstdPiece? {
    let start = position
    if let end { return ZstdPiece(start: start, bytes: [], fault: end) }
    let capacity = ZstdPiece.largestSize - (start - group.offset) % ZstdPiece.largestSize
    var isAtEnd = false
    let bytes = try [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      count = 0
      do {
        isAtEnd = try !fill(UnsafeMutableRawBufferPointer(buffer), from: start)
      } catch let fault as TarFault {
        end = fault
      } catch {
        hasFailed = true
        throw error
      }
      count = position - start
    }
    if bytes.isEmpty, isAtEnd { return nil }
    layout.frameReaches(position)
    return ZstdPiece(start: start, bytes: bytes, fault: end)
  }

  /// Fills a piece, up to where a group begins. False at the end of the file.
  private func fill(_ piece: UnsafeMutableRawBufferPointer, from start: Int) throws -> Bool {
    while position - start < piece.count {
      if frame == nil {
        guard try enterFrame() else { return false }
        if group.offset == position, position > start { return true }
      }
      let rest = UnsafeMutableRawBufferPointer(rebasing: piece[(position - start)...])
      let result = try stream.decompress(into: rest)
      position += result.count
      if let failure = result.failure { throw fault(failure) }
      if result.isAtEnd { frame = nil }
      try requireModestExpansion(position, at: stream.position)
    }
    return true
  }

  /// Reads headers up to that of a frame with data; false at the end of the file.
  private func enterFrame() throws -> Bool {
    var stored = stream.position
    while stored < file.size {
      switch try ZstdArchive.header(file, at: stored) {
      case .failure(let failure): throw TarFault(failure, isFirst: stored == 0, offset: position)
      case .success(.skippable(let length)):
        guard length <= file.size - stored else {
          throw TarFault(reason: .zstdTruncated, offset: position)
        }
        stored += length
      case .success(.data(let data)):
        try Self.require(data, at: position)
        try requireModestExpansion(position, adding: data.contentSize)
        let point = RestartPoint(stored: stored, offset: position)
        layout.frameStarts(at: point)
        if ZstdLayout.beginsGroup(position, after: group.offset) { group = point }
        frame = Frame(start: position, windowSize: data.windowSize)
        stream.begin(at: stored)
        return true
      }
    }
    if file.size == 0 { throw TarFault(reason: .zstdTruncated, offset: 0) }
    return false
  }

  /// What is refused before anything is allocated.
  static func require(_ header: ZstdFrameHeader.Data, at offset: Int) throws(TarFault) {
    guard header.windowSize <= 1 << UInt64(ZstdStream.largestWindowLog) else {
      throw TarFault(reason: .zstdWindowTooLarge, offset: offset)
    }
    guard header.dictionary == 0 else { throw TarFault(reason: .zstdNeedsDictionary, offset: offset) }
  }

  /// Holds what came out against what went in: of all frames up to here.
  private func requireModestExpansion(_ offset: Int, at stored: Int) throws(TarFault) {
    guard offset <= Self.expansionAllowance + Self.expansionFactor * stored else {
      throw TarFault(reason: .zstdBomb, offset: offset)
    }
  }

  /// A frame that says at its beginning that it is a bomb; the file's whole size bounds what the frame holds.
  private func requireModestExpansion(_ offset: Int, adding contentSize: UInt64?) throws(TarFault) {
    guard let contentSize else { return }
    let limit = UInt64(Self.expansionAllowance) + UInt64(Self.expansionFactor) * UInt64(file.size)
    guard contentSize <= limit - min(limit, UInt64(offset)) else {
      throw TarFault(reason: .zstdBomb, offset: offset)
    }
  }

  /// Damaged frames are not trusted from their beginning on, since a wrong byte may show late.
  private func fault(_ failure: ZstdStream.Failure) -> TarFault {
    switch failure {
    case .truncated: TarFault(reason: .zstdTruncated, offset: position)
    case .windowTooLarge: TarFault(reason: .zstdWindowTooLarge, offset: position)
    case .corrupt: TarFault(reason: .zstdCorrupt, offset: position, soundEnd: frame!.start)
    }
  }
}

extension TarFault {
  init(_ failure: ZstdFrameHeader.Failure, isFirst: Bool, offset: Int) {
    let reason: Reason =
      switch failure {
      case .notZstd: isFirst ? .zstdUnknownFormat : .zstdCorrupt
      case .incomplete: .zstdTruncated
      case .corrupt: .zstdCorrupt
      }
    self.init(reason: reason, offset: offset)
  }
}
