/// The bytes of one protobuf message, field by field: what of the wire format an event needs
/// (https://protobuf.dev/programming-guides/encoding).
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
  }

  mutating func add(_ field: Int, int64 value: Int64) {
    tag(field, .varint)
    varint(UInt64(bitPattern: value))
  }

  mutating func add(_ field: Int, double value: Double) {
    tag(field, .fixed64)
    bytes.append(littleEndian: value.bitPattern)
  }

  mutating func add(_ field: Int, float value: Float) {
    tag(field, .fixed32)
    bytes.append(littleEndian: value.bitPattern)
  }

  mutating func add(_ field: Int, string value: String) { add(field, bytes: Array(value.utf8)) }

  mutating func add(_ field: Int, message value: ProtobufMessage) { add(field, bytes: value.bytes) }

  private mutating func add(_ field: Int, bytes value: [UInt8]) {
    tag(field, .lengthDelimited)
    varint(UInt64(value.count))
    bytes += value
  }

  private mutating func tag(_ field: Int, _ type: WireType) { varint(UInt64(field) << 3 | type.rawValue) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

extension [UInt8] {
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
