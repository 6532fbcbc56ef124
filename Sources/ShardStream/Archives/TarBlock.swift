/// The fields of one 512-byte header block that reading needs.
///
/// Layout: POSIX.1-1988 ustar, with GNU's base-256 numbers (IEEE Std 1003.1, "pax"; GNU tar manual,
/// "Basic Tar Format").
struct TarBlock {
  static let size = 512

  let name: String
  let size: Int
  let type: UInt8
  /// Of GNU's old sparse format: whether blocks with more of the map follow this one.
  let hasSparseMap: Bool

  var isSparse: Bool { type == UInt8(ascii: "S") }
  var isFile: Bool { isSparse || [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(type) }

  /// Nil for a block of zeros, which marks the end of the archive.
  init?(_ block: UnsafeRawBufferPointer, at offset: Int) throws(TarFault) {
    precondition(block.count == Self.size)
    let sums = Self.sums(block)
    if sums.unsigned == 0 { return nil }
    guard Self.checksumMatches(block, sums) else { throw TarFault(reason: .badChecksum, offset: offset) }
    guard let size = Self.number(block[124..<136]) else {
      throw TarFault(reason: .badSize, offset: offset)
    }
    self.name = Self.name(block)
    self.size = size
    self.type = block[156]
    hasSparseMap = block[156] == UInt8(ascii: "S") && block[482] != 0
  }

  /// The sums of all bytes as they are, and as signed numbers.
  private static func sums(_ bytes: some Sequence<UInt8>) -> (unsigned: Int, signed: Int) {
    var (sum, negative) = (0, 0)
    for byte in bytes {
      sum += Int(byte)
      negative += Int(byte >> 7)
    }
    return (sum, sum - 256 * negative)
  }

  /// The checksum counts its own field as spaces; old writers summed signed bytes.
  private static func checksumMatches(
    _ block: UnsafeRawBufferPointer, _ sums: (unsigned: Int, signed: Int)
  ) -> Bool {
    guard let stored = number(block[148..<156]) else { return false }
    let field = Self.sums(block[148..<156])
    let spaces = 8 * 32
    return stored == sums.unsigned - field.unsigned + spaces || stored == sums.signed - field.signed + spaces
  }

  /// ustar splits a long path into prefix and name; GNU uses the prefix's place for other things.
  private static func name(_ block: UnsafeRawBufferPointer) -> String {
    let name = text(block[0..<100])
    let isPOSIX = block[257..<263].elementsEqual("ustar\0".utf8)
    let prefix = isPOSIX ? text(block[345..<500]) : ""
    return prefix.isEmpty ? name : prefix + "/" + name
  }

  private static func text(_ field: Slice<UnsafeRawBufferPointer>) -> String {
    TarName.decode(field.prefix { $0 != 0 })
  }

  /// Octal digits between spaces and NULs, or big-endian base 256 when the first byte is 0x80. Nil for what is no
  /// number, negative (first byte 0xFF) or beyond 2^56.
  private static func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
    if field.first == 0x80 { return base256(field.dropFirst()) }
    let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
    var value = 0
    for digit in digits {
      guard (48..<56).contains(digit) else { return nil }
      value = value << 3 | Int(digit - 48)
    }
    return value
  }

  private static func base256(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard bytes.dropLast(7).allSatisfy({ $0 == 0 }) else { return nil }
    return bytes.suffix(7).reduce(0) { $0 << 8 | Int($1) }
  }
}
