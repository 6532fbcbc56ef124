import Foundation
import Imaging
import Testing

@testable import Evaluation

private let fontPath = [
  "/usr/share/fonts/truetype/nanum/NanumGothic.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
].first { FileManager.default.fileExists(atPath: $0) }

@Suite struct ContactSheetTests {
  private static let green = RGBColour(red: 22, green: 163, blue: 74)

  private static func query(_ language: String, correct: Int, found: [Int], rank: Int) -> ContactSheet.Query {
    ContactSheet.Query(
      caption: "고양이 cat", language: language, correct: correct, found: found, rank: rank)
  }

  /// Where the frame of the picture at (column, row, place) lies: its left edge, halfway down.
  private static func frame(column: Int, row: Int, place: Int) -> (x: Int, y: Int) {
    (24 + column * (520 + 48) + place * 106 - 2, 24 + 44 + row * 142 + 28 + 48)
  }

  @Test(.enabled(if: fontPath != nil, "needs fonts-nanum or fonts-dejavu-core"))
  func theRightPictureIsFramed() throws {
    let sheet = ContactSheet(font: try FontFace(path: fontPath!))
    let queries = [
      Self.query("한국어", correct: 4, found: [4, 1, 2, 3, 0, 9], rank: 1),
      Self.query("한국어", correct: 7, found: [4, 1, 2, 3, 0, 7], rank: 6),
      Self.query("English", correct: 3, found: [1, 2, 3], rank: 3),
    ]
    var asked: [Int] = []
    let image = sheet.draw(queries) { index in
      asked.append(index)
      return RGBImage(width: 10 + index, height: 20, fill: RGBColour(red: 200, green: 0, blue: UInt8(index)))
    }
    #expect(image.width == 2 * 24 + 2 * 520 + 48)
    #expect(image.height == 2 * 24 + 44 + 2 * 142)
    #expect(asked == [4, 1, 2, 3, 0, 4, 1, 2, 3, 0, 1, 2, 3])
    let framed = [(0, 0, 0), (1, 0, 2)]
    for column in 0..<2 {
      for row in 0..<2 {
        for place in 0..<5 {
          let at = Self.frame(column: column, row: row, place: place)
          let isFramed = framed.contains { $0 == (column, row, place) }
          #expect((image[at.x, at.y] == Self.green) == isFramed, "column \(column) row \(row) place \(place)")
        }
      }
    }
  }

  @Test(.enabled(if: fontPath != nil, "needs fonts-nanum or fonts-dejavu-core"))
  func aSheetIsWrittenAsPNG() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "kelip-\(UUID().uuidString).png")
    defer { try? FileManager.default.removeItem(at: url) }
    let sheet = ContactSheet(font: try FontFace(path: fontPath!))
    let picture = RGBImage(width: 3, height: 500, fill: .black)
    let queries = [Self.query("English", correct: 0, found: [0], rank: 1)]
    try sheet.write(queries, to: url) { _ in picture }
    let decoded = try ImageDecoder.decode(Array(Data(contentsOf: url)))
    #expect(decoded == sheet.draw(queries) { _ in picture })
    #expect(sheet.draw([]) { _ in picture }.height == 2 * 24 + 44)
  }
}
