import Basics
import Foundation

/// Reads the numbers of a run's `metrics.jsonl`: every line of a short one, of a long one as many lines as a curve can
/// show, and the last ones all. A run of a million steps is read in the time of a few thousand lines.
enum MetricsHistory {
  private static let spreadCount = 4000
  private static let tailCount = 200

  /// - Parameter take: gets the lines' steps and numbers, in order.
  static func read(_ url: URL, take: (Int, [(String, Double)]) -> Void) throws {
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    let bytes: Data
    do {
      bytes = try Data(contentsOf: url, options: .alwaysMapped)
    } catch {
      throw KelipError("cannot be read: \(error.localizedDescription)", at: url.path)
    }
    let ends = lineEnds(bytes)
    let stride = max(1, ends.count / spreadCount)
    for (index, end) in ends.enumerated()
    where index.isMultiple(of: stride) || index >= ends.count - tailCount {
      let line = bytes[(index == 0 ? 0 : ends[index - 1] + 1)..<end]
      guard let (step, values) = numbers(ofLine: line) else { continue }
      take(step, values)
    }
  }

  /// Where the line breaks are.
  private static func lineEnds(_ bytes: Data) -> [Int] {
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return [] }
      var ends: [Int] = []
      var start = 0
      while let found = memchr(base + start, Int32(UInt8(ascii: "\n")), buffer.count - start) {
        ends.append(UnsafeRawPointer(found) - base)
        start = ends[ends.count - 1] + 1
      }
      return ends
    }
  }

  /// Nil for a line that is torn or has no step. What is no number is left out.
  private static func numbers(ofLine line: Data) -> (Int, [(String, Double)])? {
    guard let fields = try? JSONDecoder().decode([String: Field].self, from: line) else { return nil }
    guard let step = fields["step"]?.number else { return nil }
    let values = fields.compactMap { name, field in
      field.number.flatMap { name == "step" ? nil : (name, $0) }
    }
    return (Int(step), values.sorted { $0.0 < $1.0 })
  }

  private struct Field: Decodable {
    var number: Double?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      // A truth value is no number, though Foundation may take it for one.
      number = (try? container.decode(Bool.self)) == nil ? try? container.decode(Double.self) : nil
    }
  }
}
