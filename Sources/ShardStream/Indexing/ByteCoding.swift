/// Lays numbers and texts end to end: little-endian words, and LEB128 varints for what is mostly small.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func word32(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }

  mutating func word64(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  /// 7 bits a byte, the lowest first; the high bit says that more follow.
  mutating func varint(_ value: Int) {
    var rest = UInt64(value)
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func raw(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  /// The text's length in bytes, then its UTF-8.
  mutating func text(_ value: String) {
    varint(value.utf8.count)
    raw(value.utf8)
  }
}

/// What is read is not what a `ByteWriter` wrote.
struct MalformedBytes: Error, Equatable {}

/// Reads what a `ByteWriter` wrote, from bytes that may hold anything: no length is believed before it is checked.
struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  /// - Parameter bytes: must outlive the reader.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func word32() throws(MalformedBytes) -> UInt32 {
    UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self))
  }

  mutating func word64() throws(MalformedBytes) -> UInt64 {
    UInt64(littleEndian: try take(8).loadUnaligned(as: UInt64.self))
  }

  /// A word that is a count: not negative as a signed number.
  mutating func count64() throws(MalformedBytes) -> Int {
    guard let value = Int(exactly: try word64()) else { throw MalformedBytes() }
    return value
  }

  mutating func byte() throws(MalformedBytes) -> UInt8 {
    guard position < bytes.count else { throw MalformedBytes() }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func varint() throws(MalformedBytes) -> Int {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 63, by: 7) {
      let next = try byte()
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return Int(value) }
    }
    throw MalformedBytes()
  }

  mutating func take(_ count: Int) throws(MalformedBytes) -> UnsafeRawBufferPointer {
    guard (0...remaining).contains(count) else { throw MalformedBytes() }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
  }

  mutating func text() throws(MalformedBytes) -> String {
    guard let text = String(validating: try take(try varint()), as: UTF8.self) else { throw MalformedBytes() }
    return text
  }
}
