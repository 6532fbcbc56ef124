import Foundation

/// Files of text that people write.
package enum TextFile {
  /// - Parameter content: for the error, such as "the prompts".
  package static func read(_ path: String, _ content: String) throws -> String {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw KelipError("cannot read \(content): \(error.localizedDescription)", at: path)
    }
  }
}
