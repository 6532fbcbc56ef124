import Basics
import Foundation

/// A file of one JSON object a line that is only ever appended to whole lines at a time.
package final class JSONLinesFile {
  private let descriptor: Int32
  private let path: String

  /// Opens for appending. With `keepingThrough`, lines whose `step` is larger, and a torn last line, are dropped
  /// first, so that a resumed run writes each step once.
  package init(at url: URL, keepingThrough step: Int) throws {
    path = url.path
    try Self.truncate(url, keepingThrough: step)
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw KelipError("cannot open for writing: \(String(cString: strerror(errno)))", at: path)
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
        guard count > 0 else {
          throw KelipError("cannot write: \(String(cString: strerror(errno)))", at: path)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  private static func truncate(_ url: URL, keepingThrough step: Int) throws {
    guard let data = try? Data(contentsOf: url), !data.isEmpty else { return }
    var kept = Data()
    for line in data.split(separator: UInt8(ascii: "\n")) {
      guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
        let lineStep = object["step"] as? Int, lineStep <= step
      else { continue }
      kept.append(line)
      kept.append(UInt8(ascii: "\n"))
    }
    guard kept != data else { return }
    try kept.write(to: url, options: .atomic)
  }
}
