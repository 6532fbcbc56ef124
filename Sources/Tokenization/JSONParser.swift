import Basics

/// Reads JSON (RFC 8259) strictly, to a limited depth, in one pass over the bytes.
struct JSONParser {
  /// `tokenizers` itself stops at 128.
  private static let deepest = 64

  private let bytes: UnsafeBufferPointer<UInt8>
  private let location: String
  private var position = 0

  /// - Throws: `KelipError` with the place of the first fault.
  static func parse(_ bytes: [UInt8], at location: String) throws -> JSONCursor {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw KelipError("not valid UTF-8", at: location)
    }
    let value = try bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONParser(bytes: buffer, location: location)
      let value = try parser.value(depth: 0)
      parser.skipSpace()
      guard parser.position == buffer.count else { throw parser.fault("something follows the document") }
      return value
    }
    return JSONCursor(value: value, path: "", location: location)
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, location: String) {
    (self.bytes, self.location) = (bytes, location)
  }

  private func fault(_ message: String) -> KelipError {
    KelipError("not JSON: \(message) (byte \(position))", at: location)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte), byte != 0x0B, byte != 0x0C {
      position += 1
    }
  }

  /// Passes `character`, if that comes next after white space.
  private mutating func pass(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth < Self.deepest else { throw fault("nested more than \(Self.deepest) deep") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
    let found = bytes[position...].prefix(word.utf8CodeUnitCount)
    guard found.elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    else {
      throw fault("'\(word)' is wanted")
    }
    position += word.utf8CodeUnitCount
    return value
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    position += 1
    var members: [JSONValue.Member] = []
    guard !pass("}") else { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("a key is wanted") }
      let key = try string()
      guard pass(":") else { throw fault("a colon is wanted after '\(key)'") }
      members.append(JSONValue.Member(key: key, value: try value(depth: depth + 1)))
    } while pass(",")
    guard pass("}") else { throw fault("a comma or the end of the object is wanted") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    position += 1
    var values: [JSONValue] = []
    guard !pass("]") else { return .array(values) }
    repeat { values.append(try value(depth: depth + 1)) } while pass(",")
    guard pass("]") else { throw fault("a comma or the end of the list is wanted") }
    return .array(values)
  }

  private mutating func number() throws -> JSONValue {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard text.first != "+", text.first != ".", let number = Double(text), number.isFinite else {
      position = start
      throw fault("a value is wanted")
    }
    return .number(number)
  }

  private mutating func string() throws -> String {
    position += 1
    let start = position
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if next == UInt8(ascii: "\"") {
      defer { position += 1 }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }
    position = start
    return try escapedString()
  }

  private mutating func escapedString() throws -> String {
    var text: [UInt8] = []
    while let byte = next, byte >= 0x20 {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try escape().utf8
      default: text.append(byte)
      }
    }
    throw fault(next == nil ? "the file ends in a string" : "a control character in a string")
  }

  private mutating func escape() throws -> String {
    guard let byte = next else { throw fault("the file ends in a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(Unicode.Scalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try escapedScalar()
    default: throw fault("an unknown escape")
    }
  }

  /// `XXXX`, or `XXXX\uXXXX` where the first is the upper half of a surrogate pair.
  private mutating func escapedScalar() throws -> String {
    let first = try hexDigits()
    if let scalar = Unicode.Scalar(first) { return String(scalar) }
    guard first < 0xDC00, next == UInt8(ascii: "\\"), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw fault("half of a surrogate pair") }
    position += 2
    let second = try hexDigits()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw fault("half of a surrogate pair") }
    return String(scalar)
  }

  private mutating func hexDigits() throws -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw fault("four hexadecimal digits are wanted") }
    position += 4
    return value
  }
}
