import Basics
import Foundation

/// The groups of CLDR's `properties/labels.txt` for single characters, e.g. 🐋 → `animals-and-nature`.
///
/// The file is older than the newest emoji. These take the group of the nearest labelled emoji before them in
/// the names' order, which keeps emoji of a kind together.
struct CharacterGroups {
  private var groups: [Unicode.Scalar: String] = [:]

  init(path: String, order: [Unicode.Scalar]) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw KelipError("cannot read the character labels", at: path)
    }
    self.init(labels: String(decoding: data, as: UTF8.self), order: order)
  }

  init(labels: String, order: [Unicode.Scalar]) {
    for line in labels.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      let fields = line.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
      guard fields.count >= 2 else { continue }
      for scalar in Self.members(ofSet: fields[0]) where groups[scalar] == nil {
        groups[scalar] = Self.slug(fields[1])
      }
    }
    inheritGroups(along: order)
  }

  subscript(scalar: Unicode.Scalar) -> String? { groups[scalar] }

  private mutating func inheritGroups(along order: [Unicode.Scalar]) {
    var last: String?
    for scalar in order where scalar.properties.isEmoji {
      last = groups[scalar] ?? last
      groups[scalar] = last
    }
  }

  /// The single characters of a UnicodeSet such as `[☺😀-😆{👨‍⚕️}]`: sequences in braces are left out.
  static func members(ofSet text: String) -> [Unicode.Scalar] {
    var members: [Unicode.Scalar] = []
    var isInSequence = false
    var isRange = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case "{": isInSequence = true
      case "}": isInSequence = false
      case "[", "]", " ", "\\": continue
      case _ where isInSequence: continue
      case "-": isRange = true
      default:
        if isRange, let first = members.last, first < scalar {
          members += (first.value + 1..<scalar.value).compactMap(Unicode.Scalar.init)
        }
        isRange = false
        members.append(scalar)
      }
    }
    return members
  }

  /// `Animals & Nature` → `animals-and-nature`.
  static func slug(_ label: String) -> String {
    label.lowercased().replacingOccurrences(of: "&", with: "and").split(separator: " ").joined(separator: "-")
  }
}
