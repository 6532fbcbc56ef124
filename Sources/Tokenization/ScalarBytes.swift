extension UnsafeBufferPointer<UInt8> {
  /// The value of the scalar that starts at `index` and its length in bytes; the buffer holds valid UTF-8.
  @inline(__always)
  func scalarValue(at index: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(self[index])
    if first < 0x80 { return (first, 1) }
    if first < 0xE0 { return ((first & 0x1F) << 6 | continuation(index + 1), 2) }
    if first < 0xF0 {
      return ((first & 0x0F) << 12 | continuation(index + 1) << 6 | continuation(index + 2), 3)
    }
    let high = (first & 0x07) << 18 | continuation(index + 1) << 12
    return (high | continuation(index + 2) << 6 | continuation(index + 3), 4)
  }

  @inline(__always)
  private func continuation(_ index: Int) -> UInt32 { UInt32(self[index] & 0x3F) }
}

extension [UInt8] {
  /// Appends the UTF-8 of a scalar's value.
  @inline(__always)
  mutating func appendUTF8(_ value: UInt32) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift & 0x3F | 0x80) }
    switch value {
    case ..<0x80: append(UInt8(truncatingIfNeeded: value))
    case ..<0x800:
      append(UInt8(truncatingIfNeeded: value >> 6 | 0xC0))
      append(tail(0))
    case ..<0x1_0000:
      append(UInt8(truncatingIfNeeded: value >> 12 | 0xE0))
      append(tail(6))
      append(tail(0))
    default:
      append(UInt8(truncatingIfNeeded: value >> 18 | 0xF0))
      append(tail(12))
      append(tail(6))
      append(tail(0))
    }
  }
}
