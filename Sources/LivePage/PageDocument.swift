import Basics
import Foundation

/// The page in one piece: style and script stand within it, and nothing is fetched from elsewhere.
struct PageDocument: Sendable {
  let response: PageResponse

  init() {
    let style = String(decoding: PackageResources.page_css, as: UTF8.self)
    let script = [PackageResources.chart_js, PackageResources.panels_js, PackageResources.page_js]
      .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    let text = String(decoding: PackageResources.page_html, as: UTF8.self)
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
