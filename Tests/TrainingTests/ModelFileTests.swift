import Basics
import Testing
import TinyRun
import Towers

@testable import Training

@Suite struct ModelFileTests {
  private func parse(_ text: String) throws -> ModelConfig { try ModelFile.parse(text, source: "m.yaml") }

  @Test func readsYAMLAndJSONAlike() throws {
    let json = """
      {"embed_dim": 24, "quick_gelu": true,
       "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16},
       "text_cfg": {"context_length": 12, "vocab_size": 300, "width": 24, "heads": 2, "layers": 2}}
      """
    let config = try parse(TinyRun.model)
    #expect(try parse(json) == config)
    let vision = try #require(config.vision as? VisionTransformerConfig)
    let text = try #require(config.text as? TextTransformerConfig)
    #expect(vision.mlpRatio == 4 && text.heads == 2 && config.quickGelu)
    #expect(try parse(String(decoding: ModelFile.json(config), as: UTF8.self)) == config)
  }

  @Test func defaultsAreOpenCLIPs() throws {
    let config = try parse("embed_dim: 512\nvision_cfg: {}\ntext_cfg: {}")
    #expect(
      config.vision as? VisionTransformerConfig
        == VisionTransformerConfig(imageSize: 224, patchSize: 16, width: 768, layers: 12))
    #expect(
      config.text as? TextTransformerConfig
        == TextTransformerConfig(contextLength: 77, vocabSize: 49408, width: 512, heads: 8, layers: 12))
    #expect(!config.quickGelu)
  }

  @Test(arguments: [
    ("vision_cfg: {}\ntext_cfg: {}", "m.yaml", "embed_dim"),
    ("embed_dim: 8\ntext_cfg: {}", "m.yaml", "vision_cfg"),
    ("embed_dim: a\nvision_cfg: {}\ntext_cfg: {}", "m.yaml", "embed_dim"),
    ("embed_dim: 8\nvision_cfg: 5\ntext_cfg: {}", "m.yaml", "vision_cfg"),
    ("embed_dim: 0\nvision_cfg: {}\ntext_cfg: {}", "m.yaml", "embed_dim must be positive"),
    ("", "m.yaml", "expected a mapping"), ("[a]", "m.yaml", "expected a mapping"),
    ("a: [1", "m.yaml", "not YAML"), ("embed_dim: 1\nembed_dim: 2", "m.yaml", "not YAML"),
    ("embed_dim: 8\nvision_cfg: {patch_size: 33}\ntext_cfg: {}", "m.yaml: vision_cfg", "33 does not divide"),
    ("embed_dim: 8\nvision_cfg: {layers: 0}\ntext_cfg: {}", "m.yaml: vision_cfg.layers", "at least 1"),
    ("embed_dim: 8\nvision_cfg: {head_width: 7}\ntext_cfg: {}", "m.yaml: vision_cfg", "head_width 7"),
    (
      "embed_dim: 8\nvision_cfg: {mlp_ratio: 0}\ntext_cfg: {}", "m.yaml: vision_cfg.mlp_ratio",
      "leaves no room"
    ),
    ("embed_dim: 8\nvision_cfg: {}\ntext_cfg: {mlp_ratio: .nan}", "m.yaml: text_cfg.mlp_ratio", "nan"),
    ("embed_dim: 8\nvision_cfg: {}\ntext_cfg: {heads: 7}", "m.yaml: text_cfg", "heads 7"),
    (
      "embed_dim: 8\nvision_cfg: {}\ntext_cfg: {context_length: 2}", "m.yaml: text_cfg.context_length",
      "at least 3"
    ),
  ])
  func mistakesAreNamed(text: String, location: String, message: String) {
    let error = #expect(throws: KelipError.self) { try parse(text) }
    #expect(error?.location == location)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ("embed_dims: 8", "m.yaml: embed_dims", "did you mean embed_dim?"),
    ("embed_dim: 8\nvision_cfg: {patchsize: 4}", "m.yaml: vision_cfg.patchsize", "did you mean patch_size?"),
    ("embed_dim: 8\nvision_cfg: {}\ntext_cfg: {head: 4}", "m.yaml: text_cfg.head", "did you mean heads?"),
  ])
  func unknownKeysNameTheNearest(text: String, location: String, hint: String) {
    let error = #expect(throws: KelipError.self) { try parse(text) }
    #expect(error?.location == location && error?.hint == hint)
  }

  @Test func aFileThatCannotBeReadIsNamed() {
    let error = #expect(throws: KelipError.self) { try ModelFile.load("/absent/model.yaml") }
    #expect(error?.location == "/absent/model.yaml")
  }
}
