/// Breaks text into lines of a width.
enum TextWrapping {
  /// At most `count` lines, broken at white space, within a word where it is wider than a line. The last line holds
  /// all that is left, and may be too wide.
  static func lines(_ text: String, count: Int, maxWidth: Int, width: (String) -> Int) -> [String] {
    var words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
    var lines: [String] = []
    while !words.isEmpty, lines.count + 1 < count {
      var line = words.removeFirst()
      while let word = words.first, width(line + " " + word) <= maxWidth {
        line += " " + words.removeFirst()
      }
      if width(line) > maxWidth {
        let fitting = fittingPrefix(of: line, maxWidth: maxWidth, width: width)
        let rest = line.dropFirst(fitting.count)
        if !rest.isEmpty { words = [String(rest)] + words }
        line = fitting
      }
      lines.append(line)
    }
    if !words.isEmpty { lines.append(words.joined(separator: " ")) }
    return lines
  }

  /// At least one character, so that wrapping comes to an end.
  private static func fittingPrefix(of word: String, maxWidth: Int, width: (String) -> Int) -> String {
    var fitting = String(word.prefix(1))
    for character in word.dropFirst() {
      guard width(fitting + String(character)) <= maxWidth else { break }
      fitting.append(character)
    }
    return fitting
  }
}
