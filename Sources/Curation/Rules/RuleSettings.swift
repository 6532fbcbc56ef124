import Basics
import Configuration
import Foundation

/// A rule's value in the file, and the paths that it may name.
package struct RuleSettings {
  package let reader: ConfigReader
  package let key: String
  /// Where paths are looked for when nothing lies there from the working directory.
  let folder: URL

  /// A whole number within `range`.
  func integer(in range: ClosedRange<Int>) throws -> Int { try reader.integer(key, in: range) }

  func number(in range: ClosedRange<Double>) throws -> Double { try reader.number(key, in: range) }

  /// `[smallest, largest]`, whole numbers.
  func wholeRange(in bounds: ClosedRange<Int>) throws -> ClosedRange<Int> {
    guard reader.contains(key) else { throw reader.fault(key, "missing") }
    let range = try reader.range(
      key, default: 0...0, in: Double(bounds.lowerBound)...Double(bounds.upperBound))
    guard range.lowerBound == range.lowerBound.rounded(), range.upperBound == range.upperBound.rounded()
    else {
      throw reader.fault(key, "expected two whole numbers")
    }
    return Int(range.lowerBound)...Int(range.upperBound)
  }

  /// A list of names of a kind.
  func list<Choice>(_ known: [String], _ parse: (String) -> Choice?) throws -> [Choice] {
    try reader.strings(key).map { name in
      guard let choice = parse(name) else {
        throw reader.fault(key, "unknown value \"\(name)\"", hint: "any of: \(known.joined(separator: ", "))")
      }
      return choice
    }
  }

  /// The path of a file.
  func path() throws -> String { Self.find(try reader.string(key), from: folder) }

  static func find(_ path: String, from folder: URL) -> String {
    guard !FileManager.default.fileExists(atPath: path), !path.hasPrefix("/") else { return path }
    let beside = folder.appendingPathComponent(path).path
    return FileManager.default.fileExists(atPath: beside) ? beside : path
  }

  func fault(_ message: String, hint: String? = nil) -> KelipError {
    reader.fault(key, message, hint: hint)
  }
}
