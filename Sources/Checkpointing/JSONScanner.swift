import Basics

/// The JSON that a safetensors header is made of: objects, strings, lists of counts (RFC 8259).
///
/// Foundation's readers keep the last of two equal keys in silence; here each key is seen.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Calls `member` with each key, before its value.
  mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
    try expect("{")
    if accept("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while accept(",")
    try expect("}")
  }

  /// A list of whole numbers that are not negative.
  mutating func counts() throws -> [Int] {
    try expect("[")
    if accept("]") { return [] }
    var result: [Int] = []
    repeat { result.append(try count()) } while accept(",")
    try expect("]")
    return result
  }

  mutating func string() throws -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = next() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw fault("text that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text += try escaped()
      case 0..<0x20: throw fault("a control character in a string")
      default: text.append(byte)
      }
    }
    throw fault("a string without end")
  }

  /// Nothing but white space may follow.
  mutating func end() throws {
    skipSpace()
    guard position == bytes.count else { throw fault("something after the end") }
  }

  private mutating func count() throws -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(bytes[position] - UInt8(ascii: "0")))
      guard !overflow, !carry else { throw fault("a number beyond 64 bits") }
      value = sum
      position += 1
    }
    let digitCount = position - start
    guard digitCount > 0, digitCount == 1 || bytes[start] != UInt8(ascii: "0") else {
      throw fault("no whole number")
    }
    return value
  }

  private mutating func escaped() throws -> [UInt8] {
    switch next() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return Array(String(try codePoint()).utf8)
    default: throw fault("an unknown escape")
    }
  }

  /// After `\u`; a pair of surrogates makes one code point.
  private mutating func codePoint() throws -> Unicode.Scalar {
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u") else {
      throw fault("half of a surrogate pair")
    }
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second) else { throw fault("half of a surrogate pair") }
    return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))!
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next(), let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw fault("an unknown escape")
      }
      value = value << 4 + UInt32(digit)
    }
    return value
  }

  private mutating func next() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard accept(character) else { throw fault("no \(character)") }
  }

  private func fault(_ what: String) -> KelipError {
    KelipError("the header is not the JSON of safetensors: \(what) at byte \(position)")
  }
}
