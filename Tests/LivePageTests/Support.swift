import Basics
import Foundation
import LivePage
import PageServing
import RunService
import TestFolders
import TestSockets

/// A page on a free port, with the folder and the token of its run.
final class RunningPage {
  let folder: TemporaryFolder
  let status = RunStatus()
  let page: GuardedPage
  let token: String

  init() throws {
    folder = try TemporaryFolder()
    page = try LivePage.page(of: status, runDirectory: folder.url, port: 0)
    token = try String(contentsOf: page.tokenFile, encoding: .utf8).trimmingCharacters(in: .newlines)
    page.start()
  }

  deinit { page.stop() }

  func client() throws -> Client { try Client(port: page.port) }

  /// One request, and the whole answer of a connection that is then closed.
  func ask(_ line: String, _ headers: String...) throws -> String {
    let lines = [line + " HTTP/1.1", "Connection: close"] + headers
    return try client().exchange(lines.joined(separator: "\r\n") + "\r\n\r\n")
  }

  func askWithToken(_ line: String) throws -> String { try ask(line, "Authorization: Bearer \(token)") }
}
