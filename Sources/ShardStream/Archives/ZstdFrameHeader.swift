/// What stands at the start of a zstd frame.
///
/// Source: RFC 8878, sections 3.1.1.1 and 3.1.2.
enum ZstdFrameHeader: Equatable {
  /// The longest: magic, descriptor, window, dictionary, content size.
  static let largestLength = 4 + 1 + 1 + 4 + 8
  private static let magic: UInt32 = 0xFD2F_B528
  private static let skippableMagics: ClosedRange<UInt32> = 0x184D_2A50...0x184D_2A5F

  /// Data for others, such as the seekable format's table.
  case skippable(length: Int)
  case data(Data)

  struct Data: Equatable {
    let headerLength: Int
    /// How far back the frame refers, in bytes.
    let windowSize: UInt64
    let contentSize: UInt64?
    let hasChecksum: Bool
    let dictionary: UInt32
  }

  enum Failure: Error {
    case notZstd
    case incomplete
    case corrupt
  }

  /// - Parameter bytes: the frame's first `largestLength` bytes, or all there are.
  init(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    guard let magic = Self.number(bytes, 0, 4) else {
      throw Self.mayBegin(bytes) ? .incomplete : .notZstd
    }
    if Self.skippableMagics.contains(UInt32(magic)) {
      guard let length = Self.number(bytes, 4, 4) else { throw .incomplete }
      self = .skippable(length: 8 + Int(length))
    } else if magic == Self.magic {
      self = .data(try Self.data(bytes))
    } else {
      throw .notZstd
    }
  }

  private static func data(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Data {
    guard bytes.count > 4 else { throw .incomplete }
    let descriptor = bytes[4]
    guard descriptor & 0x08 == 0 else { throw .corrupt }
    let isSingleSegment = descriptor & 0x20 != 0
    let dictionaryLength = [0, 1, 2, 4][Int(descriptor & 3)]
    let contentFlag = Int(descriptor >> 6)
    let contentLength = contentFlag == 0 ? (isSingleSegment ? 1 : 0) : 1 << contentFlag
    let dictionaryStart = isSingleSegment ? 5 : 6
    let contentStart = dictionaryStart + dictionaryLength
    guard let dictionary = number(bytes, dictionaryStart, dictionaryLength),
      let content = number(bytes, contentStart, contentLength)
    else { throw .incomplete }
    let contentSize = contentLength == 0 ? nil : contentLength == 2 ? content + 256 : content
    return Data(
      headerLength: contentStart + contentLength,
      windowSize: isSingleSegment ? contentSize! : windowSize(bytes[5]),
      contentSize: contentSize, hasChecksum: descriptor & 4 != 0, dictionary: UInt32(dictionary))
  }

  private static func windowSize(_ descriptor: UInt8) -> UInt64 {
    let base = UInt64(1) << (10 + UInt64(descriptor >> 3))
    return base + base / 8 * UInt64(descriptor & 7)
  }

  /// Little-endian; nil where the bytes end too soon.
  private static func number(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
    guard start + count <= bytes.count else { return nil }
    return bytes[start..<(start + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Whether fewer than four bytes may be a magic number that was cut off.
  private static func mayBegin(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.isEmpty || bytes.elementsEqual([0x28, 0xB5, 0x2F].prefix(bytes.count))
      || (bytes[0] & 0xF0 == 0x50 && bytes.dropFirst().elementsEqual([0x2A, 0x4D].prefix(bytes.count - 1)))
  }
}
