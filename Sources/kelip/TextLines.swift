import Basics
import Foundation

/// The lines of a text file or of standard input (`-`), without their ends, read a megabyte at a time.
///
/// Bytes that are no UTF-8 become U+FFFD.
struct TextLines: Sequence, IteratorProtocol {
  private static let chunkBytes = 1 << 20

  private let handle: FileHandle
  private var buffer = Data()
  private var isAtEnd = false

  init(path: String) throws {
    do {
      handle = try path == "-" ? .standardInput : FileHandle(forReadingFrom: URL(filePath: path))
    } catch {
      throw KelipError("cannot read the text: \(error.localizedDescription)", at: path)
    }
  }

  mutating func next() -> String? {
    var searched = 0
    while true {
      if let end = buffer.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffer = buffer[(end + 1)...] }
        return Self.line(buffer[..<end])
      }
      guard !isAtEnd else {
        guard !buffer.isEmpty else { return nil }
        defer { buffer = Data() }
        return Self.line(buffer)
      }
      searched = buffer.count
      let chunk = (try? handle.read(upToCount: Self.chunkBytes)) ?? Data()
      isAtEnd = chunk.isEmpty
      buffer = Data(buffer) + chunk
    }
  }

  private static func line(_ bytes: Data) -> String {
    String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
  }
}
