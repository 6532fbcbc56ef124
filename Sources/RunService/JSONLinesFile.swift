import Basics
import Foundation

/// A file of one JSON object a line that is only ever appended to, whole lines at a time. Each object begins with its
/// `step`, and steps never fall.
package final class JSONLinesFile {
  private let descriptor: Int32
  private let path: String

  /// Opens for appending. Lines at the end whose `step` is larger than this one, or that are torn, are dropped first,
  /// so that a resumed run writes each step once.
  package init(at url: URL, keepingThrough step: Int) throws {
    path = url.path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: path) }
    do {
      try truncate(keepingThrough: step)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// One line.
  package func append(_ object: JSONText) throws { try append(line: object.text) }

  /// - Parameter line: one JSON object without a line break.
  package func append(line: String) throws {
    var line = line + "\n"
    try line.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = write(descriptor, rest.baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          throw KelipError.posix("write", at: path)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  /// Looks from the end backwards: what is dropped is short, while the file may be very long.
  private func truncate(keepingThrough step: Int) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    let newline = UInt8(ascii: "\n")
    var end = bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
    while end > 0 {
      let start = bytes[..<(end - 1)].lastIndex(of: newline).map { $0 + 1 } ?? 0
      if let found = Self.step(ofLine: bytes[start..<end]), found <= step { break }
      end = start
    }
    guard end < bytes.count else { return }
    guard ftruncate(descriptor, off_t(end)) == 0 else { throw KelipError.posix("ftruncate", at: path) }
  }

  private static func step(ofLine line: Data) -> Int? {
    (try? JSONDecoder().decode(Numbered.self, from: line))?.step
  }

  private struct Numbered: Decodable {
    var step: Int
  }
}
