import Foundation

/// The head of an HTTP/1.x request (RFC 9112).
package struct PageRequest: Sendable {
  package var method: String
  /// As it was sent, without the query.
  package var path: String
  /// As it was sent; see `text(_:)`.
  package var query: [String: String] = [:]
  /// By lower-case name; those of the same name joined as lists are.
  package var headers: [String: String] = [:]
  var isHTTP10 = false

  /// - Parameter text: from the first byte to the last header, without the empty line.
  /// - Returns: nil for what is no request.
  package init?(head text: String) {
    var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    let words = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, Self.isToken(words[0]), words[1].hasPrefix("/") else { return nil }
    guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { return nil }
    (method, isHTTP10) = (String(words[0]), words[2] == "HTTP/1.0")
    let parts = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    if parts.count == 2 { query = Self.query(parts[1]) }
    for line in lines {
      guard let (name, value) = Self.header(line) else { return nil }
      let separator = name == "cookie" ? "; " : ", "
      headers[name] = headers[name].map { $0 + separator + value } ?? value
    }
  }

  /// A value of the query as people wrote it; nil where it is not there or is no UTF-8.
  package func text(_ name: String) -> String? {
    query[name]?.replacingOccurrences(of: "+", with: " ").removingPercentEncoding
  }

  /// This server takes none.
  var hasBody: Bool {
    headers["transfer-encoding"] != nil || headers["content-length"].map { $0 != "0" } ?? false
  }

  var wantsClose: Bool {
    let options = (headers["connection"] ?? "").lowercased()
    return options.contains("close") || (isHTTP10 && !options.contains("keep-alive"))
  }

  func cookie(_ name: String) -> Substring? {
    for pair in (headers["cookie"] ?? "").split(separator: ";") {
      let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
      if parts.count == 2, parts[0] == name { return parts[1] }
    }
    return nil
  }

  /// The first of each name counts.
  private static func query(_ text: Substring) -> [String: String] {
    let pairs = text.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
    }
    return Dictionary(pairs) { first, _ in first }
  }

  /// Lines that go on in the next one are refused, as the standard asks.
  private static func header(_ line: Substring) -> (String, String)? {
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, isToken(parts[0]) else { return nil }
    var value = parts[1].drop { $0 == " " || $0 == "\t" }
    while value.last == " " || value.last == "\t" { value.removeLast() }
    guard value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else { return nil }
    return (parts[0].lowercased(), String(value))
  }

  private static func isToken(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }
}
