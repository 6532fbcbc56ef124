/// Texts of others in Markdown.
enum MarkdownText {
  private static let special: Set<Character> = [
    "\\", "`", "*", "_", "{", "}", "[", "]", "<", ">", "#", "|", "~", "&", "!", "$",
  ]

  /// On one line, so that it may stand in a table; addresses make no links.
  static func escape(_ text: String) -> String {
    var out = ""
    for character in text {
      if character.isNewline || character == "\t" {
        out += " "
      } else if let scalar = character.unicodeScalars.first, scalar.value < 0x20 || scalar.value == 0x7F {
        out += "\u{FFFD}"
      } else {
        if special.contains(character) { out += "\\" }
        out.append(character)
      }
    }
    return out.replacing("://", with: ":\u{200B}//")
  }
}
