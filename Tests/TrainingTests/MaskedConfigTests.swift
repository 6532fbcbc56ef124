import Basics
import Configuration
import Foundation
import Objectives
import Testing
import TinyRun
import Tokenization

@testable import Training

@Suite struct MaskedConfigTests {
  private func settings(_ section: String, _ stages: [StageKind] = [.joint]) throws -> MaskedSettings? {
    let reader = try ConfigReader(yaml: "masked: {\(section)}", source: "run.yaml")
    let settings = try MaskedSettings.read(reader, stages)
    try reader.rejectUnknownKeys()
    return settings
  }

  @Test func theBriefsValuesUnlessTold() throws {
    let given = try #require(try settings(""))
    #expect(given.alpha == 1 && given.beta == 0.1)
    #expect(given.sides == [16, 32, 64] && given.tokenCounts == 1...10)
    #expect(given.textLoss == .l1 && given.maskToken == nil)
  }

  @Test func onlyTheStageJointHasTheSection() throws {
    #expect(try settings("", [.contrastive]) == nil)
    let error = #expect(throws: KelipError.self) { try settings("beta: 1", [.contrastive]) }
    #expect(error?.location == "run.yaml: masked")
  }

  @Test func everyKeyIsRead() throws {
    let given = try settings(
      "alpha: 0.5, beta: 2, image_sides: [8], text_tokens: [2, 3], text_loss: cross_entropy, mask_token: 12")
    let all = try #require(given)
    #expect(all.alpha == 0.5 && all.beta == 2 && all.sides == [8] && all.tokenCounts == 2...3)
    #expect(all.textLoss == .crossEntropy && all.maskToken == "12")
  }

  @Test(arguments: [
    ("alpha: -2", "masked.alpha"), ("beta: -1", "masked.beta"), ("image_sides: []", "masked.image_sides"),
    ("image_sides: [0]", "masked.image_sides"), ("image_sides: 16", "masked.image_sides"),
    ("text_tokens: [3]", "masked.text_tokens"), ("text_tokens: [3, 2]", "masked.text_tokens"),
    ("text_tokens: [0, 2]", "masked.text_tokens"), ("text_loss: l2", "masked.text_loss"),
    ("gamma: 1", "masked.gamma"),
  ])
  func mistakesNameTheKey(section: String, key: String) {
    let error = #expect(throws: KelipError.self) { try settings(section) }
    #expect(error?.location == "run.yaml: \(key)")
  }

  private func trained() throws -> any Tokenizer {
    try BytePairTrainer(vocabSize: 300).train(on: (0..<23).map(TinyRun.caption))
  }

  private func maskID(_ token: String?) throws -> Int32 {
    var settings = try #require(try settings("beta: 1"))
    settings.maskToken = token
    return try settings.maskID(trained(), vocabSize: 400)
  }

  @Test func aTokenizerWithoutMaskTokenNeedsOneNamed() throws {
    #expect(try trained().maskID == nil)
    let missing = #expect(throws: KelipError.self) { try maskID(nil) }
    #expect(missing?.location == "masked.mask_token" && missing?.message == "the tokenizer has no mask token")
    #expect(try maskID("299") == 299 && maskID("399") == 399)
    #expect(try maskID("[EOT]") == trained().endID)
    for wrong in ["400", "-1", "[MASK]"] {
      let error = #expect(throws: KelipError.self) { try maskID(wrong) }
      #expect(error?.location == "masked.mask_token")
    }
  }

  @Test func aSquareLargerThanThePictureIsRefused() throws {
    let tokenizer = try trained()
    let model = try ModelFile.parse(TinyRun.model, source: "model")
    func options(_ sides: String) throws -> JointMaskedOptions {
      try #require(try settings("beta: 1, mask_token: 5, image_sides: \(sides)")).options(
        seed: 3, tokenizer: tokenizer, model: model)
    }
    #expect(try options("[4, 16]").draws == MaskDraws(seed: 3, sides: [4, 16]))
    let error = #expect(throws: KelipError.self) { try options("[16, 17]") }
    #expect(error?.location == "masked.image_sides")
  }
}
