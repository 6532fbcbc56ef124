import Basics
import Foundation
import Testing

@testable import Imaging

private let nanum = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
private let emoji = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"

@Suite struct FontFaceTests {
  @Test func aMissingFontSaysWhere() {
    #expect { _ = try FontFace(path: "/no/such.ttf") } throws: {
      ($0 as? KelipError)?.location == "/no/such.ttf"
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: nanum), "needs fonts-nanum"))
  func koreanAndLatinLeaveInkWithinTheirWidth() throws {
    let font = try FontFace(path: nanum)
    for text in ["고양이", "cat"] {
      var image = RGBImage(width: 80, height: 30, fill: .white)
      let width = font.drawText(onto: &image, text, x: 2, baseline: 22, pixelSize: 18, colour: .black)
      let inked = (0..<80).filter { x in (0..<30).contains { image[x, $0] != .white } }
      #expect(inked.count > 15 && inked.allSatisfy { $0 >= 1 && $0 <= 3 + width })
      #expect(text.unicodeScalars.allSatisfy(font.hasGlyph))
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: nanum), "needs fonts-nanum"))
  func longTextIsCutAndMayLeaveThePicture() throws {
    let font = try FontFace(path: nanum)
    var image = RGBImage(width: 40, height: 20, fill: .white)
    let width = font.drawText(
      onto: &image, "a long caption", x: 0, baseline: 15, pixelSize: 14, colour: .black, maxWidth: 40)
    #expect(width > 20 && width <= 40)
    font.drawText(onto: &image, "gyg", x: -5, baseline: 1, pixelSize: 30, colour: .black)
    #expect(font.drawText(onto: &image, "", x: 0, baseline: 9, pixelSize: 9, colour: .black) == 0)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: emoji), "needs fonts-noto-color-emoji"))
  func emojiAreColourPictures() throws {
    let font = try FontFace(path: emoji)
    let heart = try #require(font.colourBitmap(of: "\u{1F49A}"))
    #expect(heart.width == 136 && heart.height == 128)
    let middle = (60 * heart.width + 68) * 4
    #expect(heart.pixels[middle + 3] == 255)
    #expect(heart.pixels[middle + 1] > heart.pixels[middle] && heart.pixels[middle + 1] > 100)
    #expect(heart.pixels[3] == 0)
    #expect(font.colourBitmap(of: "가") == nil)
  }
}
