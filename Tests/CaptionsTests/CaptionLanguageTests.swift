import Testing

@testable import Captions

@Suite struct CaptionLanguageTests {
  @Test(arguments: [
    ("빨간 사과", CaptionLanguage.korean), ("a red apple on a wooden table", .english), ("Apple 사과 한 개", .korean),
    ("ein roter Apfel auf dem Tisch in der Küche", .other), ("赤いりんご", .other), ("1234 !!", .other),
    ("", .other),
    ("cat", .english),
  ])
  func detects(text: String, language: CaptionLanguage) {
    #expect(CaptionLanguage.detect(text) == language)
  }
}
