import Charts
import Foundation
import Imaging

/// A picture of retrieval results to look at: for each caption the five pictures found first, the right one framed in
/// green. Each language is a column.
package struct ContactSheet {
  package struct Query: Sendable {
    package var caption: String
    /// The column's heading, e.g. `한국어`.
    package var language: String
    /// The index of the caption's own picture.
    package var correct: Int
    /// The indices of the pictures found, best first; the first five are shown.
    package var found: [Int]
    /// The rank of the caption's own picture, from 1.
    package var rank: Int

    package init(caption: String, language: String, correct: Int, found: [Int], rank: Int) {
      self.caption = caption
      self.language = language
      self.correct = correct
      self.found = found
      self.rank = rank
    }
  }

  package static let picturesShown = 5
  package static let thumbnailSize = 96

  private enum Layout {
    static let margin = 24
    static let gap = 10
    static let frame = 4
    static let headingHeight = 44
    static let captionHeight = 28
    static let rankWidth = 84
    static let columnWidth = picturesShown * thumbnailSize + (picturesShown - 1) * gap
    static let columnGap = 48
    static let rowHeight = captionHeight + thumbnailSize + 18
  }

  private let font: FontFace

  /// - Parameter font: a face with the letters of every caption, e.g. NanumGothic for Korean and English.
  package init(font: FontFace) { self.font = font }

  /// Draws `queries`; `picture` gives the picture of an index, of any size.
  package func draw(_ queries: [Query], picture: (Int) throws -> RGBImage) rethrows -> RGBImage {
    let languages = queries.map(\.language).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let columns = languages.map { language in queries.filter { $0.language == language } }
    let rowCount = columns.map(\.count).max() ?? 0
    let columnCount = max(1, columns.count)
    var sheet = RGBImage(
      width: 2 * Layout.margin + columnCount * (Layout.columnWidth + Layout.columnGap) - Layout.columnGap,
      height: 2 * Layout.margin + Layout.headingHeight + rowCount * Layout.rowHeight, fill: .white)
    for (index, column) in columns.enumerated() {
      let x = Layout.margin + index * (Layout.columnWidth + Layout.columnGap)
      drawHeading(languages[index], column, x: x, onto: &sheet)
      for (row, query) in column.enumerated() {
        let y = Layout.margin + Layout.headingHeight + row * Layout.rowHeight
        try draw(query, x: x, y: y, onto: &sheet, picture: picture)
      }
    }
    return sheet
  }

  /// Writes the sheet as a PNG. The file appears whole or not at all.
  package func write(_ queries: [Query], to url: URL, picture: (Int) throws -> RGBImage) throws {
    try draw(queries, picture: picture).writePNG(to: url)
  }

  private func drawHeading(_ language: String, _ queries: [Query], x: Int, onto sheet: inout RGBImage) {
    let first = queries.count { $0.rank == 1 }
    let shown = queries.count { $0.rank <= Self.picturesShown }
    let drawn = font.drawText(
      onto: &sheet, language, x: x, baseline: Layout.margin + 22, pixelSize: 22, colour: ChartColour.text,
      maxWidth: Layout.columnWidth / 2)
    font.drawText(
      onto: &sheet, "first \(first)/\(queries.count), in five \(shown)/\(queries.count)", x: x + drawn + 14,
      baseline: Layout.margin + 22, pixelSize: 15, colour: ChartColour.quiet)
  }

  private func draw(
    _ query: Query, x: Int, y: Int, onto sheet: inout RGBImage, picture: (Int) throws -> RGBImage
  ) rethrows {
    let right = x + Layout.columnWidth
    font.drawText(
      onto: &sheet, query.caption, x: x, baseline: y + 18, pixelSize: 17, colour: ChartColour.text,
      maxWidth: Layout.columnWidth - Layout.rankWidth - Layout.gap)
    font.drawText(
      onto: &sheet, "rank \(query.rank)", x: right - Layout.rankWidth, baseline: y + 18, pixelSize: 15,
      colour: query.rank <= Self.picturesShown ? ChartColour.right : ChartColour.quiet,
      maxWidth: Layout.rankWidth)
    for (place, index) in query.found.prefix(Self.picturesShown).enumerated() {
      let left = x + place * (Self.thumbnailSize + Layout.gap)
      let top = y + Layout.captionHeight
      if index == query.correct {
        let side = Self.thumbnailSize + 2 * Layout.frame
        sheet.paste(
          RGBImage(width: side, height: side, fill: ChartColour.right), x: left - Layout.frame,
          y: top - Layout.frame)
      }
      sheet.paste(Thumbnail.square(of: try picture(index), side: Self.thumbnailSize), x: left, y: top)
    }
  }
}
