import Basics
import Foundation
import Testing
import Towers

@Suite("Model files")
struct ModelConfigTests {
  private func decoded(_ json: String) throws -> ModelConfig {
    try JSONDecoder().decode(ModelConfig.self, from: Data(json.utf8))
  }

  @Test("open_clip's defaults fill what a file leaves out")
  func defaults() throws {
    let config = try decoded(#"{"embed_dim": 512, "vision_cfg": {"patch_size": 32}, "text_cfg": {}}"#)
    let vision = try #require(config.vision as? VisionTransformerConfig)
    #expect(vision.width == 768 && vision.heads == 12 && vision.tokenCount == 50)
    #expect(config.text.contextLength == 77 && config.text.vocabSize == 49_408)
    #expect(!config.quickGelu)
    try config.validate()
  }

  @Test("a config survives its file")
  func roundTrip() throws {
    let config = ModelConfig(
      embedDim: 8, quickGelu: true,
      vision: VisionTransformerConfig(
        imageSize: 8, patchSize: 4, width: 6, layers: 1, headWidth: 3, mlpRatio: 2),
      text: TextTransformerConfig(contextLength: 5, vocabSize: 9, width: 4, heads: 2, layers: 1, mlpRatio: 3))
    let data = try JSONEncoder().encode(config)
    #expect(try JSONDecoder().decode(ModelConfig.self, from: data) == config)
  }

  @Test(
    "sizes that do not fit are refused by name",
    arguments: [
      (#"{"patch_size": 5}"#, "{}", "vision_cfg"), (#"{"head_width": 100}"#, "{}", "vision_cfg"),
      (#"{"layers": 0}"#, "{}", "vision_cfg.layers"), ("{}", #"{"heads": 7}"#, "text_cfg"),
      ("{}", #"{"context_length": 2}"#, "text_cfg.context_length"),
    ])
  func refusals(_ vision: String, _ text: String, _ place: String) throws {
    let config = try decoded(#"{"embed_dim": 4, "vision_cfg": \#(vision), "text_cfg": \#(text)}"#)
    let error = #expect(throws: KelipError.self) { try config.validate() }
    #expect("\(error!)".contains(place))
  }
}
