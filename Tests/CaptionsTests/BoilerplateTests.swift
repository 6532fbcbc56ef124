import Basics
import Testing

@testable import Captions

@Suite struct BoilerplateTests {
  private func removed(_ text: String, _ list: String) throws -> String {
    try Boilerplate(list: list, source: "list").removed(from: text)
  }

  @Test func phrasesGoAsWholeWordsInAnyCase() throws {
    let list = "# a comment\n\nPhoto by\nstock photo\n사진 제공\nImage may contain:\n"
    #expect(try removed("a cat - Stock Photo", list) == "a cat")
    #expect(try removed("a stockphoto of photo bytes", list) == "a stockphoto of photo bytes")
    #expect(try removed("Image may contain: two dogs", list) == "two dogs")
    #expect(try removed("봄 축제 (사진 제공=서울시)", list) == "봄 축제 ( =서울시)")
    #expect(try removed("Photo by", list) == "")
    #expect(try removed("a  plain   text", list) == "a  plain   text")
    #expect(try removed("", list) == "")
  }

  @Test func regularExpressionsStandBetweenSlashes() throws {
    let list = #"/\b(?:IMG|DSC)_?\d+(?:\.jpe?g)?\b/"# + "\n/"
    #expect(try removed("IMG_1234.jpg", list) == "")
    #expect(try removed("img1234 고양이", list) == "고양이")
    // A single slash is a phrase.
    #expect(try removed("a / b", list) == "a b")
  }

  @Test func aBadExpressionIsToldWithItsLine() {
    #expect {
      _ = try Boilerplate(list: "fine\n/(/\n", source: "phrases.txt")
    } throws: {
      ($0 as? KelipError)?.location == "phrases.txt:2"
    }
    #expect(throws: KelipError.self) { try Boilerplate(contentsOf: "/no/such/list") }
  }
}
