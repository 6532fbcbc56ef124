import Basics
import Foundation
import Testing

@Suite("Files that are the old or the new")
struct AtomicFileTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kelip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test("creates and replaces, and leaves nothing else")
  func replaces() throws {
    try withFolder { folder in
      let url = folder.appendingPathComponent("latest")
      for text in ["", "one", "the second is longer"] {
        try AtomicFile.write(Data(text.utf8), to: url)
        #expect(try String(contentsOf: url, encoding: .utf8) == text)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["latest"])
    }
  }

  @Test("a failure keeps the old and leaves nothing else")
  func failure() throws {
    try withFolder { folder in
      // A folder with something in it cannot be replaced by a file.
      let url = folder.appendingPathComponent("occupied")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      #expect(throws: KelipError.self) { try AtomicFile.write(Data("x".utf8), to: url) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["occupied"])
    }
  }

  @Test("a full disk is told, with what to do")
  func fullDisk() throws {
    let file = try OutputFile(URL(fileURLWithPath: "/dev/full"))
    let error = #expect(throws: KelipError.self) { try file.write(Data("x".utf8)) }
    #expect(error?.location == "/dev/full")
    #expect(error?.hint == "make room on this disk")
  }

  @Test("counts and hashes what it writes")
  func hashing() throws {
    try withFolder { folder in
      let file = try OutputFile(folder.appendingPathComponent("a"), isHashing: true)
      for piece in ["ab", "", "c"] { try file.write(Data(piece.utf8)) }
      #expect(file.byteCount == 3)
      #expect(try file.finish() == XXH3Hasher.hexDigest(of: Array("abc".utf8)))
    }
  }

  @Test(
    "past the page cache the bytes are the same, in pieces of any size",
    arguments: [0, 1, 4095, 4096, 4097, 4 << 20, (4 << 20) + 1, 9_000_001])
  func direct(count: Int) throws {
    try withFolder { folder in
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 12) }
      let url = folder.appendingPathComponent("a")
      let file = try OutputFile(url, isHashing: true, isDirect: true)
      let pieces = [0, count / 7, count / 7, count * 6 / 7, count]
      for (start, end) in zip(pieces, pieces.dropFirst()) { try file.write(Data(bytes[start..<end])) }
      #expect(try file.finish() == XXH3Hasher.hexDigest(of: bytes))
      #expect(file.byteCount == count)
      #expect(try Data(contentsOf: url) == Data(bytes))
    }
  }

  @Test("a full disk is told there too")
  func directFullDisk() throws {
    let file = try OutputFile(URL(fileURLWithPath: "/dev/full"), isDirect: true)
    try file.write(Data(repeating: 1, count: 5000))
    let error = #expect(throws: KelipError.self) { try file.finish() }
    #expect(error?.hint == "make room on this disk")
  }
}
