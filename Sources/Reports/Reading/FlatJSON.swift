import Foundation

/// Reads a JSON document in one pass as single values under dotted paths: `{"a": {"b": [1]}}` is `a.b.0` = 1.
///
/// Numbers are the nearest doubles. Quick enough for the million lines of a long run.
struct FlatJSON {
  enum Value: Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
  }

  /// A value as it stands in the bytes; texts are not unescaped.
  enum Token {
    case null
    case bool(Bool)
    case number(Double)
    case text(UnsafeRawBufferPointer)
  }

  private static let deepest = 16
  private static let longestNumber = 64

  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var path: [UInt8] = []

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// - Parameter take: gets path and value of each; what it got counts only where true is returned.
  /// - Returns: false where the bytes are no JSON object.
  static func scan(_ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer, Token) -> Void) -> Bool {
    var reader = FlatJSON(bytes)
    guard reader.skipSpace() == UInt8(ascii: "{"), reader.value(depth: 0, take) else { return false }
    return reader.skipSpace() == nil
  }

  /// All values of a small document; nil where it is no JSON object. Of equal paths the last one counts.
  static func values(_ bytes: UnsafeRawBufferPointer) -> [String: Value]? {
    var result: [String: Value] = [:]
    let isWhole = scan(bytes) { path, token in
      let value: Value =
        switch token {
        case .null: .null
        case .bool(let value): .bool(value)
        case .number(let value): .number(value)
        case .text(let raw): .text(unescaped(raw))
        }
      result[String(decoding: path, as: UTF8.self)] = value
    }
    return isWhole ? result : nil
  }

  private static func unescaped(_ raw: UnsafeRawBufferPointer) -> String {
    guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
    let quoted = Data([UInt8(ascii: "\"")] + raw + [UInt8(ascii: "\"")])
    return (try? JSONDecoder().decode(String.self, from: quoted)) ?? String(decoding: raw, as: UTF8.self)
  }

  /// - Returns: the byte that comes next.
  @discardableResult
  private mutating func skipSpace() -> UInt8? {
    while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  private mutating func accept(_ character: UnicodeScalar) -> Bool {
    guard skipSpace() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int, _ take: (UnsafeRawBufferPointer, Token) -> Void) -> Bool {
    guard depth < Self.deepest, let first = skipSpace() else { return false }
    switch first {
    case UInt8(ascii: "{"): return object(depth, take)
    case UInt8(ascii: "["): return array(depth, take)
    case UInt8(ascii: "\""):
      guard let raw = string() else { return false }
      path.withUnsafeBytes { take($0, .text(raw)) }
      return true
    default:
      guard let token = word(first) ?? number() else { return false }
      path.withUnsafeBytes { take($0, token) }
      return true
    }
  }

  private mutating func object(_ depth: Int, _ take: (UnsafeRawBufferPointer, Token) -> Void) -> Bool {
    position += 1
    if accept("}") { return true }
    let length = path.count
    repeat {
      guard skipSpace() == UInt8(ascii: "\""), let key = string(), accept(":") else { return false }
      if length > 0 { path.append(UInt8(ascii: ".")) }
      path += key
      guard value(depth: depth + 1, take) else { return false }
      path.removeLast(path.count - length)
    } while accept(",")
    return accept("}")
  }

  private mutating func array(_ depth: Int, _ take: (UnsafeRawBufferPointer, Token) -> Void) -> Bool {
    position += 1
    if accept("]") { return true }
    let length = path.count
    var index = 0
    repeat {
      path += ".\(index)".utf8
      guard value(depth: depth + 1, take) else { return false }
      path.removeLast(path.count - length)
      index += 1
    } while accept(",")
    return accept("]")
  }

  /// What stands between the quotes.
  private mutating func string() -> UnsafeRawBufferPointer? {
    let start = position + 1
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
      end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end < bytes.count else { return nil }
    position = end + 1
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  private mutating func word(_ first: UInt8) -> Token? {
    let (text, token): (StaticString, Token)
    switch first {
    case UInt8(ascii: "t"): (text, token) = ("true", .bool(true))
    case UInt8(ascii: "f"): (text, token) = ("false", .bool(false))
    case UInt8(ascii: "n"): (text, token) = ("null", .null)
    default: return nil
    }
    let count = text.utf8CodeUnitCount
    guard position + count <= bytes.count,
      memcmp(bytes.baseAddress! + position, text.utf8Start, count) == 0
    else { return nil }
    position += count
    return token
  }

  private mutating func number() -> Token? {
    var end = position
    while end < bytes.count, Self.isOfNumber(bytes[end]) { end += 1 }
    let start = bytes.baseAddress! + position
    let count = end - position
    guard count > 0, count < Self.longestNumber, bytes[end - 1] >= UInt8(ascii: "0") else { return nil }
    position = end
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.longestNumber) { copy in
      memcpy(copy.baseAddress!, start, count)
      copy[count] = 0
      var stop: UnsafeMutablePointer<CChar>?
      let value = strtod(copy.baseAddress!, &stop)
      return stop == copy.baseAddress! + count ? .number(value) : nil
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  /// Digits, signs, point and exponent: neither `inf` nor a hexadecimal number.
  private static func isOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"):
      true
    default: false
    }
  }
}
