import Basics
import Foundation
import TestFolders
import Testing

@testable import DatasetBuilding
@testable import Imaging

private let emojiFont = DebianPackages().emojiFont

@Suite struct CollectionTests {
  @Test func stampsAreReadWithTheirTwoCaptions() throws {
    let folder = try TemporaryFolder()
    let png = PNGCodec.encode(RGBImage(width: 600, height: 2, fill: RGBColour(red: 9, green: 8, blue: 7)))
    try folder.write(png, to: "animals/birds/crow.png")
    try folder.write("A crow. \nfr.utf8=Un corbeau.\nko.utf8= 까마귀\n", to: "animals/birds/crow.txt")
    try folder.write(png, to: "food/pie.png")
    try folder.write("A pie.", to: "food/pie.txt")
    try folder.write(png, to: "food/pie_mirror.png")
    try folder.write("<svg/>", to: "food/tart.svg")
    try folder.write("<svg/>", to: "food/pie.svg")
    try folder.write(Array(png[..<30]), to: "food/cut.png")
    try folder.write("Cut.\nko.utf8=잘린", to: "food/cut.txt")

    let collection = try StampCollection.collect(directory: folder.path)
    #expect(
      collection.pictures.map(\.id) == ["tuxpaint-stamps/animals/birds/crow", "tuxpaint-stamps/food/pie"])
    #expect(collection.pictures.map(\.theme) == ["animals", "food"])
    #expect(collection.pictures[0].captions == [.english: "A crow.", .korean: "까마귀"])
    #expect(collection.pictures[1].captions == [.english: "A pie."])
    #expect(collection.pictures[0].width == 256 && collection.pictures[0].height == 1)
    #expect(
      collection.skipped == [
        "stamp_without_caption": 1, "stamp_without_korean_caption": 1, "stamp_only_as_svg": 1,
        "stamp_image_truncated": 1,
      ])
  }

  @Test func captionsMayBeMissing() {
    #expect(StampCollection.captions(inText: "").isEmpty)
    #expect(StampCollection.captions(inText: "\nko.utf8=눈") == [.korean: "눈"])
    #expect(StampCollection.captions(inText: "Snow\r\nko.utf8=") == [.english: "Snow"])
  }

  @Test func unicodeSetsGiveTheirSingleCharacters() {
    #expect(CharacterGroups.members(ofSet: "[☺😀-😂{👨‍⚕️}🙂]") == ["☺", "😀", "😁", "😂", "🙂"])
    #expect(CharacterGroups.members(ofSet: "[{🇰🇷}]").isEmpty)
    #expect(CharacterGroups.slug("Animals & Nature") == "animals-and-nature")
  }

  @Test func newEmojiTakeTheGroupBeforeThem() {
    let groups = CharacterGroups(
      labels: "# c\n[🐋] ;\tAnimals & Nature ; x\n[🍎];Food;y\n", order: ["🐋", "🦭", "🍎", "🫐"])
    #expect(groups["🦭"] == "animals-and-nature")
    #expect(groups["🫐"] == "food")
    #expect(groups["🚗"] == nil)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: emojiFont), "needs fonts-noto-color-emoji"))
  func emojiNeedBothNamesAndAPicture() throws {
    let folder = try TemporaryFolder()
    func annotations(_ names: [(String, String)]) -> String {
      let lines = names.map {
        "<annotation cp=\"\($0.0)\">keyword</annotation><annotation cp=\"\($0.0)\" type=\"tts\">\($0.1)</annotation>"
      }
      return "<?xml version=\"1.0\"?><ldml><annotations>\(lines.joined())</annotations></ldml>"
    }
    let english = [
      ("🐋", "whale"), ("🐳", "spouting &amp; whale"), ("#", "hash"), ("👨‍⚕", "doctor"), ("🍎", "apple"),
    ]
    try folder.write(annotations(english), to: "annotations/en.xml")
    try folder.write(
      annotations([("🐋", "고래"), ("🐳", "물 뿜는 고래"), ("#", "해시"), ("🚗", "자동차")]), to: "annotations/ko.xml")
    try folder.write("[🐋] ; Animals & Nature ; animal-marine\n", to: "properties/labels.txt")

    let collection = try EmojiCollection.collect(fontPath: emojiFont, cldrDirectory: folder.path)
    #expect(collection.pictures.map(\.id) == ["noto-emoji/1f40b", "noto-emoji/1f433"])
    #expect(collection.pictures[1].captions == [.english: "spouting & whale", .korean: "물 뿜는 고래"])
    #expect(collection.pictures.allSatisfy { $0.width == 136 && $0.height == 128 })
    #expect(collection.pictures.map(\.theme) == ["animals-and-nature", "animals-and-nature"])
    #expect(collection.skipped == ["emoji_without_english_name": 1, "emoji_without_korean_name": 1])
  }

  @Test func brokenNamesSayWhichFile() throws {
    let folder = try TemporaryFolder()
    try folder.write("<ldml><annotation", to: "en.xml")
    for name in ["en.xml", "absent.xml"] {
      let path = "\(folder.path)/\(name)"
      #expect { _ = try CharacterNames(path: path) } throws: { ($0 as? KelipError)?.location == path }
    }
  }
}
