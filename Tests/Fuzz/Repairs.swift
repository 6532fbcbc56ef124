@testable import ShardStream

/// Makes checksums right again after a change: without that, most changes would be seen there and get no deeper.
enum Repairs {
  static func jpeg(_ bytes: inout [UInt8]) { restore([0xFF, 0xD8, 0xFF], &bytes) }

  /// The first bytes and the container's length.
  static func webp(_ bytes: inout [UInt8]) {
    guard bytes.count >= 16 else { return }
    let length = UInt32(bytes.count - 8)
    restore(Array("RIFF".utf8) + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }, &bytes)
    bytes.replaceSubrange(8..<12, with: "WEBP".utf8)
  }

  /// The lengths of PAX records, and the break behind each.
  static func pax(_ bytes: inout [UInt8]) {
    let bodies = bytes.split(separator: 10).compactMap { line in
      line.firstIndex(of: 32).map { Array(line[$0...]) + [10] }
    }
    bytes = bodies.flatMap { body in
      var length = body.count + 1
      while String(length).utf8.count + body.count != length {
        length = String(length).utf8.count + body.count
      }
      return Array(String(length).utf8) + body
    }
  }

  private static func restore(_ start: [UInt8], _ bytes: inout [UInt8]) {
    guard bytes.count >= start.count else { return }
    bytes.replaceSubrange(0..<start.count, with: start)
  }

  /// The first bytes and each chunk's CRC of a PNG.
  static func png(_ bytes: inout [UInt8]) {
    restore([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], &bytes)
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - position - 12 else { return }
      let end = position + 8 + length
      let crc = crc32(bytes[(position + 4)..<end])
      for shift in 0..<4 { bytes[end + shift] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(shift))) }
      position = end + 4
    }
  }

  /// The lengths and digests of a shard's index: see `ShardSidecar`.
  static func sidecar(_ bytes: inout [UInt8]) {
    guard bytes.count >= 40 else { return }
    let headLength = (12..<16).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
    guard (40...bytes.count).contains(headLength) else { return }
    func write(_ word: UInt64, at place: Int) {
      for shift in 0..<8 { bytes[place + shift] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift))) }
    }
    write(UInt64(bytes.count - headLength), at: 16)
    write(bytes[headLength...].withUnsafeBytes(ShardIdentity.digest), at: 24)
    write(bytes[..<(headLength - 8)].withUnsafeBytes(ShardIdentity.digest), at: headLength - 8)
  }

  /// The length of a safetensors header: up to the bracket that closes it.
  static func safetensors(_ bytes: inout [UInt8]) {
    var depth = 0
    for place in bytes.indices.dropFirst(8) {
      if bytes[place] == UInt8(ascii: "{") { depth += 1 }
      if bytes[place] == UInt8(ascii: "}") { depth -= 1 }
      guard depth > 0 else {
        for shift in 0..<8 { bytes[shift] = UInt8(truncatingIfNeeded: (place - 7) >> (8 * shift)) }
        return
      }
    }
  }

  /// The checksum of each block that calls itself a tar header.
  static func tar(_ bytes: inout [UInt8]) {
    for start in stride(from: 0, to: bytes.count - 511, by: 512)
    where bytes[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8) {
      for place in 148..<156 { bytes[start + place] = 32 }
      var sum = bytes[start..<(start + 512)].reduce(0) { $0 + Int($1) }
      for place in (148..<154).reversed() {
        bytes[start + place] = UInt8(48 + sum % 8)
        sum /= 8
      }
      bytes[start + 154] = 0
    }
  }

  /// PNG's CRC-32 (ISO 3309), a bit at a time.
  private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
    }
    return ~crc
  }
}
