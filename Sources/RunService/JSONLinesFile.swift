import Basics
import Foundation

/// A file of one JSON object a line that is only ever appended to. Each object begins with its `step`, and steps never
/// fall.
///
/// Lines are written in the background; see `BackgroundFile`.
package final class JSONLinesFile: Sendable {
  private let file: BackgroundFile

  /// What may wait in memory.
  private static let maximumWaitingBytes = 256 << 20

  /// Opens for appending. Lines at the end whose `step` is larger than this one, or that are torn, are dropped first,
  /// so that a resumed run writes each step once.
  ///
  /// - Parameter report: gets a line when the disk begins to refuse, and when it takes lines again; from any thread.
  package init(
    at url: URL, keepingThrough step: Int, report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    file = try BackgroundFile(at: url, maximumWaitingBytes: Self.maximumWaitingBytes, report: report)
    try truncate(keepingThrough: step)
  }

  /// One line.
  package func append(_ object: JSONText) throws { try append(line: object.text) }

  /// Never waits for the disk.
  ///
  /// - Parameter line: one JSON object without a line break.
  /// - Throws: when the disk has refused lines for so long that memory would run out.
  package func append(line: String) throws {
    guard file.append(Array("\(line)\n".utf8)) else {
      throw KelipError(
        "\(Self.maximumWaitingBytes >> 20) MB of records wait for the disk", at: file.path,
        hint: "make room, or mend the file system", exitCode: .fatal)
    }
  }

  /// Returns when every line is on the disk.
  package func synchronize() throws { try file.synchronize() }

  /// Looks from the end backwards: what is dropped is short, while the file may be very long.
  private func truncate(keepingThrough step: Int) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file.path), options: .alwaysMapped)
    let newline = UInt8(ascii: "\n")
    var end = bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
    while end > 0 {
      let start = bytes[..<(end - 1)].lastIndex(of: newline).map { $0 + 1 } ?? 0
      if let found = Self.step(ofLine: bytes[start..<end]), found <= step { break }
      end = start
    }
    if end < bytes.count { try file.truncate(to: end) }
  }

  private static func step(ofLine line: Data) -> Int? {
    (try? JSONDecoder().decode(Numbered.self, from: line))?.step
  }

  private struct Numbered: Decodable {
    var step: Int
  }
}
