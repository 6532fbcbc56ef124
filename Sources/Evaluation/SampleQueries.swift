extension ContactSheet {
  private static let headings = ["ko": "한국어", "en": "English"]

  /// `count` captions spread evenly over pairs, with the pictures they find.
  ///
  /// - Parameters:
  ///   - unit: the pairs' features, of length 1.
  ///   - numbers: what the sheet calls the picture of each row.
  package static func queries(
    _ count: Int, over unit: Features, numbers: [Int], language: String,
    caption: (_ row: Int) throws -> String
  ) rethrows -> [Query] {
    let total = unit.textCount
    return try (0..<min(count, total)).map { place in
      let row = place * total / min(count, total)
      let found = unit.imagesFound(byText: row, k: picturesShown)
      return Query(
        caption: try caption(row), language: headings[language] ?? language, correct: numbers[row],
        found: found.best.map { numbers[$0.index] }, rank: found.rank)
    }
  }
}
