import Basics
import Captions
import Foundation

/// Templates, one a line; empty lines and lines that begin with # are none.
package enum PromptFile {
  package static func read(_ path: String) throws -> [NameTemplate] {
    let text = try TextFile.read(path, "the prompts")
    var templates: [NameTemplate] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      guard let template = NameTemplate(line) else {
        throw KelipError(
          "line \(number + 1) has no place for a name: \(line)", at: path,
          hint: "write \(NameTemplate.place) for it")
      }
      templates.append(template)
    }
    guard !templates.isEmpty else { throw KelipError("there are no prompts", at: path) }
    return templates
  }
}
