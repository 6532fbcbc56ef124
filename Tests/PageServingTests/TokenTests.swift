import Basics
import Foundation
import TestFolders
import Testing

@testable import PageServing

@Suite struct TokenTests {
  private func file(_ folder: TemporaryFolder, _ text: String, mode: mode_t = 0o600) throws -> URL {
    let url = folder.file("token-\(UUID().uuidString)")
    try Data(text.utf8).write(to: url)
    #expect(chmod(url.path, mode) == 0)
    return url
  }

  @Test func aTokenIsMadeOnceForItsOwnerAlone() throws {
    let folder = try TemporaryFolder()
    let first = try PageToken(inOrMadeAt: folder.file("token"))
    let text = try String(contentsOf: folder.file("token"), encoding: .utf8)
    #expect(text.count == 65 && text.dropLast().allSatisfy(\.isHexDigit))
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("token").path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(first.matches(text.dropLast()))
    #expect(try PageToken(inOrMadeAt: folder.file("token")).matches(text.dropLast()))
    #expect(try !PageToken(inOrMadeAt: folder.file("other")).matches(text.dropLast()))
  }

  @Test(arguments: [0o604, 0o640, 0o620, 0o602, 0o660, 0o777] as [mode_t])
  func aFileOfOthersIsRefused(mode: mode_t) throws {
    let folder = try TemporaryFolder()
    let url = try file(folder, "0123456789abcdef\n", mode: mode)
    let error = #expect(throws: KelipError.self) { try PageToken(readingFrom: url) }
    #expect(error?.message.contains(String(mode, radix: 8)) == true && error?.location == url.path)
    #expect(error?.hint?.contains("chmod 600") == true)
  }

  @Test(arguments: [
    "", "\n", "short", "0123456789abcde", "0123456789abcdef 0123456789abcdef", "a\nb", "비밀비밀비밀비밀비밀",
    "0123456789abcdef\nmore", String(repeating: "x", count: 257),
  ])
  func whatIsNoTokenIsRefused(text: String) throws {
    let folder = try TemporaryFolder()
    let url = try file(folder, text)
    let error = #expect(throws: KelipError.self) { try PageToken(readingFrom: url) }
    #expect(error?.message.contains("no token") == true)
  }

  @Test(arguments: ["0123456789abcdef", "0123456789abcdef\n", "0123456789abcdef\r\n"])
  func aLineBreakIsNoPart(text: String) throws {
    let folder = try TemporaryFolder()
    #expect(try PageToken(readingFrom: file(folder, text)).matches("0123456789abcdef"))
  }

  @Test func linksFoldersAndNothingAreRefused() throws {
    let folder = try TemporaryFolder()
    let target = try file(folder, "0123456789abcdef")
    try FileManager.default.createSymbolicLink(at: folder.file("link"), withDestinationURL: target)
    for place in [folder.file("link"), folder.file("absent"), folder.url] {
      #expect(throws: KelipError.self) { try PageToken(readingFrom: place) }
    }
  }

  @Test func runsSideBySideHaveCookiesOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    let names = try (0..<20).map { try PageToken(inOrMadeAt: folder.file("\($0)")).cookieName }
    #expect(Set(names).count == 20)
  }

  @Test func aNamedTokenIsNotMade() throws {
    let folder = try TemporaryFolder()
    let place = PagePlace(port: 0, tokenFile: folder.file("mine"), ownTokenFile: folder.file("token"))
    let error = #expect(throws: KelipError.self) {
      try GuardedPage(place) { _ in PageResponse(.notFound) }
    }
    #expect(error?.location == folder.file("mine").path)
    #expect(!FileManager.default.fileExists(atPath: folder.file("token").path))
  }
}
