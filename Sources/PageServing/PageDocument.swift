import Basics
import Foundation

/// A page in one piece: style and script stand within it, and nothing is fetched from elsewhere.
package struct PageDocument: Sendable {
  package let response: PageResponse

  /// - Parameters:
  ///   - html: with `/*STYLE*/` and `/*SCRIPT*/` where the other two go.
  ///   - scripts: one after the other.
  package init(html: [UInt8], style: [UInt8], scripts: [[UInt8]]) {
    let style = String(decoding: style, as: UTF8.self)
    let script = scripts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    let text = String(decoding: html, as: UTF8.self)
      .replacingOccurrences(of: "/*STYLE*/", with: style)
      .replacingOccurrences(of: "/*SCRIPT*/", with: script)
    // The browser runs and draws these two texts alone, whatever a caption or a log line may hold.
    let policy = """
      default-src 'none'; style-src '\(Self.digest(style))'; script-src '\(Self.digest(script))'; \
      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
      """
    response = PageResponse(
      type: "text/html; charset=utf-8", headers: [("Content-Security-Policy", policy)], body: text.utf8)
  }

  private static func digest(_ text: String) -> String {
    let hasher = SHA256Hasher()
    Array(text.utf8).withUnsafeBytes { hasher.update($0) }
    return "sha256-" + Data(hasher.finalize()).base64EncodedString()
  }
}
