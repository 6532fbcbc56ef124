import Foundation
import PageServing
import TestFolders
import TestSockets

/// A site on a free port: `/` is small, `/large` is not.
final class RunningPage {
  let folder: TemporaryFolder
  let page: GuardedPage
  let token: String
  static let largeCount = 8 << 20

  init(_ limits: ServerLimits = ServerLimits()) throws {
    folder = try TemporaryFolder()
    page = try Self.page(0, folder, limits)
    token = try String(contentsOf: page.tokenFile, encoding: .utf8).trimmingCharacters(in: .newlines)
    page.start()
  }

  deinit { page.stop() }

  static func page(
    _ port: UInt16, _ folder: TemporaryFolder, _ limits: ServerLimits = ServerLimits(),
    address: String = "127.0.0.1"
  ) throws -> GuardedPage {
    let place = PagePlace(address: address, port: port, ownTokenFile: folder.file("token"))
    return try GuardedPage(place, limits: limits) { request in
      let body = [UInt8](repeating: 65, count: request.path == "/large" ? largeCount : 1)
      return PageResponse(type: "text/plain", body: body)
    }
  }

  func client() throws -> Client { try Client(port: page.port) }

  /// One request, and the whole answer of a connection that is then closed.
  func ask(_ line: String, _ headers: String...) throws -> String {
    let lines = [line + " HTTP/1.1", "Connection: close"] + headers
    return try client().exchange(lines.joined(separator: "\r\n") + "\r\n\r\n")
  }

  func askWithToken(_ line: String) throws -> String { try ask(line, "Authorization: Bearer \(token)") }
}
