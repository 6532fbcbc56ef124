import Basics
import Foundation

/// Numbers by dotted name, such as `validation.zero-shot.ko.top1`.
package typealias Measures = [String: Double]

/// Takes the numbers out of an evaluation's answer.
enum AnswerReader {
  /// - Parameters:
  ///   - lines: JSON objects; the numbers of one with a `language` get that into their names.
  ///   - prefix: of all names.
  static func measures(_ lines: [String], prefix: String, source: URL) throws -> Measures {
    var measures: Measures = [:]
    for line in lines {
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
        throw KelipError("not a JSON object: \(line.prefix(60))", at: source.path, hint: "remove the file")
      }
      let language = (object["language"] as? String).map { ".\($0)" } ?? ""
      collect(object, prefix + language, into: &measures)
    }
    return measures
  }

  private static func collect(_ value: Any, _ name: String, into measures: inout Measures) {
    switch value {
    case let number as NSNumber: measures[name] = number.doubleValue
    case let members as [String: Any]:
      for (key, value) in members { collect(value, "\(name).\(key)", into: &measures) }
    case let items as [[String: Any]]:
      for item in items {
        guard let label = label(item) else { continue }
        collect(item.filter { $0.key != "weight" }, "\(name).\(label)", into: &measures)
      }
    default: return
    }
  }

  /// What an entry of a list is told apart by: a pair of words, or the weight of a sum. Lists of found pictures have no
  /// such thing.
  private static func label(_ item: [String: Any]) -> String? {
    if let korean = item["ko"] as? String, let english = item["en"] as? String {
      return "\(korean) \(english)"
    }
    return (item["weight"] as? NSNumber).map { "\($0.doubleValue)" }
  }
}
