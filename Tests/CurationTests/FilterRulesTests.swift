import Basics
import Captions
import Foundation
import Testing

@testable import Curation

@Suite struct FilterRulesTests {
  private func parse(_ yaml: String) throws -> FilterRules {
    try FilterRules(yaml: yaml, source: "rules.yaml", folder: URL(fileURLWithPath: "/nowhere"))
  }

  private func rule(_ yaml: String) throws -> any FilterRule { try parse("rules: [{\(yaml)}]").rules[0] }

  private func candidate(
    width: Int = 100, height: Int = 100, caption: String = "a caption", language: CaptionLanguage? = nil,
    similarity: Float? = nil, tokens: Int? = nil
  ) -> Candidate {
    let countTokens: (@Sendable (String) -> Int)? = if let tokens { { _ in tokens } } else { nil }
    return Candidate(
      width: width, height: height, pictureDigest: Array(repeating: 7, count: 32), perceptualHash: nil,
      originalCaption: caption, caption: caption, statedLanguage: language, similarity: similarity,
      countTokens: countTokens)
  }

  private func admits(_ yaml: String, _ candidate: Candidate) throws -> Bool {
    try #require(rule(yaml) as? any SampleRule).admits(candidate)
  }

  @Test func sizesAreLimitedOnTheirEdges() throws {
    #expect(try admits("min_side: 64", candidate(width: 64, height: 900)))
    #expect(try !admits("min_side: 64", candidate(width: 900, height: 63)))
    #expect(try admits("max_aspect: 3", candidate(width: 30, height: 90)))
    #expect(try !admits("max_aspect: 3", candidate(width: 91, height: 30)))
    #expect(try admits("max_aspect: 1", candidate()))
    #expect(try admits("max_pixels: 10000", candidate()))
    #expect(try !admits("max_pixels: 9999", candidate()))
  }

  @Test func lengthsAreCountedInCodePointsAndTokens() throws {
    #expect(try admits("caption_characters: [2, 3]", candidate(caption: "고양이")))
    #expect(try !admits("caption_characters: [2, 3]", candidate(caption: "네 글자")))
    #expect(try !admits("caption_characters: [2, 3]", candidate(caption: "x")))
    let yaml = "rules: [{caption_tokens: [1, 5]}]\ntokenizer: t.json"
    let rule = try #require(parse(yaml).rules[0] as? any SampleRule)
    #expect(rule.admits(candidate(tokens: 5)) && !rule.admits(candidate(tokens: 6)))
    #expect(!rule.admits(candidate(tokens: 0)))
  }

  @Test func languagesAreStatedOrDetected() throws {
    #expect(try admits("languages: [ko]", candidate(caption: "빨간 사과")))
    #expect(try !admits("languages: [ko]", candidate(caption: "a red apple on the table")))
    #expect(try admits("languages: [ko]", candidate(caption: "a red apple", language: .korean)))
    #expect(try !admits("languages: [ko, en]", candidate(caption: "une pomme", language: .other)))
  }

  @Test func captionsAreRewrittenInTheOrderOfTheSteps() throws {
    let clean = try #require(rule("clean_caption: [html, urls, whitespace]") as? any CaptionRule)
    #expect(clean.rewritten(" <b>a</b> &amp; b http://x.y ") == "a & b")
    #expect(clean.rewritten("http://x.y") == "")
    let once = try #require(rule("clean_caption: urls") as? any CaptionRule)
    #expect(once.rewritten(" <b> ") == " <b> ")
  }

  @Test func similarityHasAThresholdByLanguage() throws {
    let model = "\nmodel: {config: m, weights: w, tokenizer: t}"
    let one = try #require(parse("rules: [{min_similarity: 0.3}]" + model).rules[0] as? any SampleRule)
    #expect(one.admits(candidate(similarity: 0.3)) == (Double(Float(0.3)) >= 0.3))
    #expect(!one.admits(candidate(similarity: 0.29)) && !one.admits(candidate()))
    let two = try #require(
      parse("rules: [{min_similarity: {ko: 0.2, en: 0.4}}]" + model).rules[0] as? any SampleRule)
    #expect(two.admits(candidate(language: .korean, similarity: 0.3)))
    #expect(!two.admits(candidate(language: .english, similarity: 0.3)))
    #expect(two.admits(candidate(language: .other, similarity: -1)))
  }

  @Test(arguments: [
    ("rules: [{min_sides: 3}]", "rules.yaml: rules[1]: min_sides", "did you mean min_side?"),
    ("rules: [{min_side: 3}, {max_aspect: 0.5}]", "rules.yaml: rules[2]: max_aspect", nil),
    ("rules: [{min_side: 3, max_aspect: 2}]", "rules.yaml: rules[1]: min_side", nil),
    ("rules: []", "rules.yaml: rules", "see configs/data/filter.yaml"),
    ("rule: [{min_side: 3}]", "rules.yaml: rules", "give a list of mappings"),
    ("rules: [{clean_caption: [nfd]}]", "rules.yaml: rules[1]: clean_caption", nil),
    ("rules: [{languages: [kr]}]", "rules.yaml: rules[1]: languages", "any of: ko, en, other"),
    ("rules: [{near_duplicates: 17}]", "rules.yaml: rules[1]: near_duplicates", nil),
    ("rules: [{exact_duplicates: caption}]", "rules.yaml: rules[1]: exact_duplicates", nil),
    ("rules: [{caption_characters: [1.5, 3]}]", "rules.yaml: rules[1]: caption_characters", nil),
    ("rules: [{min_side: 3}]\ntokeniser: x", "rules.yaml: tokeniser", "did you mean tokenizer?"),
    ("rules: [{caption_tokens: [1, 3]}]", "rules.yaml: tokenizer", nil),
    ("rules: [{min_similarity: 0.3}]", "rules.yaml: model", nil),
    (
      "rules: [{min_similarity: {kr: 0.3}}]\nmodel: {checkpoint: c}",
      "rules.yaml: rules[1]: min_similarity.kr", nil
    ),
    ("rules: [{drop_boilerplate: /no/list}]", "/no/list", nil),
  ])
  func mistakesAreToldWithTheirPlace(yaml: String, location: String, hint: String?) {
    #expect {
      _ = try parse(yaml)
    } throws: { error in
      let told = error as? KelipError
      return told?.location == location && (hint == nil || told?.hint == hint)
    }
  }

  @Test func everyShippedRuleFileIsRead() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let path = root.appendingPathComponent("configs/data/filter.yaml")
    let yaml = try String(contentsOf: path, encoding: .utf8)
      .replacingOccurrences(of: "configs/data/boilerplate.txt", with: "boilerplate.txt")
    let rules = try FilterRules(yaml: yaml, source: "filter.yaml", folder: path.deletingLastPathComponent())
    #expect(rules.rules.count == 10)
    let boilerplate = try #require(rules.rules.compactMap { $0 as? DropBoilerplate }.first)
    #expect(boilerplate.rewritten("IMG_20200101_1234.jpg") == "")
    #expect(boilerplate.rewritten("DSC01234") == "" && boilerplate.rewritten("my-holiday_(2).JPG") == "")
    #expect(boilerplate.rewritten("Image may contain: two dogs") == "two dogs")
    #expect(boilerplate.rewritten("A cat. Photo by Jane Doe on Unsplash") == "A cat.")
    #expect(boilerplate.rewritten("봄 축제 / 사진 제공=서울시") == "봄 축제")
    for kept in [
      "a photo of a cat", "1960s image of Seoul", "사진 속 고양이", "model A.320 at night", "2,000 people",
    ] {
      #expect(boilerplate.rewritten(kept) == kept)
    }
  }
}
