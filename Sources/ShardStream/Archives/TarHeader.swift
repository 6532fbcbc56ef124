import Basics

/// The header blocks of a member, as `TarWriter` writes them.
enum TarHeader {
  private static let longestName = 100
  private static let sizeLimit = 1 << 33

  /// One block, or three and more where the name needs a PAX record: what is not ASCII, or longer than the field.
  static func blocks(name: String, size: Int, archive: String) throws -> [UInt8] {
    let bytes = Array(name.utf8)
    precondition(!bytes.isEmpty && !bytes.contains(0), "a member needs a name without NUL")
    guard size < sizeLimit else {
      throw KelipError(
        "the member \(name) has \(size) bytes; a tar's size field ends at 8 GiB", at: archive,
        hint: "leave it out: no sample is that large")
    }
    let isPlain = bytes.count <= longestName && bytes.allSatisfy { (32..<127).contains($0) }
    if isPlain { return block(bytes, size: size, type: "0") }
    let record = paxRecord("path", bytes)
    // What a reader without PAX shows.
    let shown = bytes.map { (32..<127).contains($0) ? $0 : UInt8(ascii: "_") }.suffix(longestName)
    return block(Array("PaxHeaders/path".utf8), size: record.count, type: "x") + record
      + [UInt8](repeating: 0, count: -record.count & (TarBlock.size - 1))
      + block(Array(shown), size: size, type: "0")
  }

  /// `LENGTH KEY=VALUE\n`, where the length counts itself.
  private static func paxRecord(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(key)=".utf8) + value + [10]
    var length = rest.count
    while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
    return Array(String(length).utf8) + rest
  }

  /// 512 bytes: name, mode, owner, size and type as octal text, and the sum of it all.
  private static func block(_ name: [UInt8], size: Int, type: String) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: TarBlock.size)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
    }
    header.replaceSubrange(0..<name.count, with: name)
    put("0000644\0", at: 100)
    put("0000000\0", at: 108)  // user
    put("0000000\0", at: 116)  // group
    put(size.padded(to: 11, radix: 8) + "\0", at: 124)
    put("00000000000\0", at: 136)  // modification time
    put("        ", at: 148)  // the checksum counts itself as spaces
    put(type, at: 156)
    put("ustar\u{0}00", at: 257)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(sum.padded(to: 6, radix: 8) + "\0 ", at: 148)
    return header
  }
}
