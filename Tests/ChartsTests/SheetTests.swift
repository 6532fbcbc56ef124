import Foundation
import Imaging
import Testing

@testable import Charts

@Suite struct ThumbnailTests {
  @Test(arguments: [(96, 96), (192, 96), (30, 60), (1, 1000), (7, 5)])
  func thumbnailsKeepTheirProportions(width: Int, height: Int) {
    let red = RGBColour(red: 255, green: 0, blue: 0)
    let thumbnail = Thumbnail.square(of: RGBImage(width: width, height: height, fill: red), side: 96)
    #expect(thumbnail.width == 96)
    #expect(thumbnail.height == 96)
    let across = (0..<96).count { thumbnail[$0, 47] == red }
    let down = (0..<96).count { thumbnail[47, $0] == red }
    #expect(max(across, down) == 96)
    #expect(abs(Double(across) / Double(down) - Double(width) / Double(height)) < 0.03)
  }

  @Test func nothingGivesAnEmptySquare() {
    let square = Thumbnail.square(of: RGBImage(width: 0, height: 9), side: 5)
    #expect(square == RGBImage(width: 5, height: 5, fill: ChartColour.backing))
  }
}

@Suite struct TextWrappingTests {
  private static func lines(_ text: String, count: Int = 3, maxWidth: Int = 10) -> [String] {
    TextWrapping.lines(text, count: count, maxWidth: maxWidth) { $0.count }
  }

  @Test func linesBreakBetweenWords() {
    #expect(Self.lines("a red apple on a tree") == ["a red", "apple on a", "tree"])
    #expect(Self.lines("  빨간\n사과  ") == ["빨간 사과"])
    #expect(Self.lines("") == [] && Self.lines(" \t") == [])
  }

  @Test func theLastLineHoldsWhatIsLeft() {
    #expect(Self.lines("one two three four five six", count: 2) == ["one two", "three four five six"])
  }

  @Test func aWordThatIsTooWideIsBroken() {
    #expect(Self.lines("abcdefghijklm no") == ["abcdefghij", "klm no"])
    #expect(Self.lines("abc", maxWidth: 0) == ["a", "b", "c"])
  }
}

@Suite struct SampleSheetTests {
  private static let red = RGBColour(red: 255, green: 0, blue: 0)

  @Test(
    .enabled(
      if: ChartFont.candidates.contains { FileManager.default.fileExists(atPath: $0) },
      "needs fonts-nanum or fonts-dejavu-core"))
  func picturesStandInRowsUnderTheirHeading() throws {
    let picture = RGBImage(width: 20, height: 20, fill: Self.red)
    let tiles = (0..<5).map { SampleSheet.Tile(picture: $0 == 1 ? nil : picture, caption: "사과 apple") }
    let groups = [
      SampleSheet.Group(title: "한국어", tiles: tiles), SampleSheet.Group(title: "none", tiles: []),
    ]
    let image = SampleSheet(title: "samples", groups: groups, columns: 4).draw(font: try ChartFont.open())
    let side = SampleSheet.thumbnailSide
    let redRows = (0..<image.height).filter { y in (0..<image.width).contains { image[$0, y] == Self.red } }
    #expect(redRows.count == 2 * side)
    let firstRow = (0..<image.width).count { image[$0, redRows[0]] == Self.red }
    let lastRow = (0..<image.width).count { image[$0, redRows[redRows.count - 1]] == Self.red }
    #expect(firstRow == 3 * side && lastRow == side)
    #expect(image.width > 4 * side && image.width < 5 * side)
  }
}
