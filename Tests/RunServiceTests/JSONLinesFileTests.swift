import Basics
import Foundation
import TestFolders
import Testing

@testable import RunService

@Suite struct JSONLinesFileTests {
  private func opened(_ text: String, keepingThrough step: Int) throws -> String {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: folder.file("lines"))
    _ = try JSONLinesFile(at: folder.file("lines"), keepingThrough: step)
    return try String(contentsOf: folder.file("lines"), encoding: .utf8)
  }

  @Test func aNewFileTakesWholeLines() throws {
    let folder = try TemporaryFolder()
    let file = try JSONLinesFile(at: folder.file("new"), keepingThrough: 0)
    try file.append(.object([("step", .integer(1)), ("key", .string("그림\n"))]))
    try file.append(line: "{\"step\": 2}")
    try file.synchronize()
    #expect(
      try String(contentsOf: folder.file("new"), encoding: .utf8)
        == "{\"step\": 1, \"key\": \"그림\\n\"}\n{\"step\": 2}\n")
  }

  @Test(arguments: [
    (0, ""), (1, "{\"step\": 1}\n"), (2, "{\"step\": 1}\n{\"step\": 2, \"a\": 0}\n{\"step\": 2, \"a\": 1}\n"),
    (3, "{\"step\": 1}\n{\"step\": 2, \"a\": 0}\n{\"step\": 2, \"a\": 1}\n{\"step\": 3}\n"),
  ])
  func laterStepsAreDropped(step: Int, kept: String) throws {
    let all = "{\"step\": 1}\n{\"step\": 2, \"a\": 0}\n{\"step\": 2, \"a\": 1}\n{\"step\": 3}\n"
    #expect(try opened(all, keepingThrough: step) == kept)
    // A torn last line goes, whatever its step.
    for torn in ["{", "{\"step\": 1", "{\"step\": 1}", "\0\0\0"] {
      #expect(try opened(all + torn, keepingThrough: step) == kept)
    }
  }

  @Test(arguments: ["", "\n", "\n\n", "torn", "not json\n", "{\"no\": 1}\n", "[1]\n", "\0\0\n"])
  func nothingButTornLines(text: String) throws {
    #expect(try opened(text, keepingThrough: 9) == "")
  }

  @Test func aWholeFileStaysAsItIs() throws {
    let text = "{\"step\": 1, \"loss\": null}\n{\"step\": 2}\n"
    #expect(try opened(text, keepingThrough: 2) == text)
    #expect(try opened(text, keepingThrough: .max) == text)
  }

  @Test func appendingGoesOnAfterTruncation() throws {
    let folder = try TemporaryFolder()
    try Data("{\"step\": 1}\n{\"step\": 2}\n{\"st".utf8).write(to: folder.file("lines"))
    let file = try JSONLinesFile(at: folder.file("lines"), keepingThrough: 1)
    try file.append(line: "{\"step\": 2, \"again\": true}")
    try file.synchronize()
    #expect(
      try String(contentsOf: folder.file("lines"), encoding: .utf8)
        == "{\"step\": 1}\n{\"step\": 2, \"again\": true}\n")
  }

  @Test func aPlaceThatCannotBeWrittenIsNamed() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: KelipError.self) {
      try JSONLinesFile(at: folder.file("absent/lines"), keepingThrough: 0)
    }
    #expect(error?.location?.hasSuffix("absent/lines") == true)
  }
}
