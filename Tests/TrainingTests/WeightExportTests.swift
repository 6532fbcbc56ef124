import Basics
import Checkpointing
import Foundation
import Kernels
import Testing
import TinyRun
import Tokenization
import Towers

@testable import Training

@Suite("Models for other libraries")
struct WeightExportTests {
  private static let clip = """
    embed_dim: 24
    quick_gelu: true
    vision_cfg: {image_size: 16, patch_size: 8, width: 64, layers: 1}
    text_cfg: {context_length: 12, vocab_size: 300, width: 32, heads: 2, layers: 1}
    """
  private static let bert = """
    embed_dim: 24
    vision_cfg: {image_size: 16, patch_size: 8, width: 64, layers: 1}
    text_cfg: {type: bert, context_length: 12, vocab_size: 300, width: 16, heads: 2, layers: 1, max_positions: 20}
    """

  private func export(_ text: String, in tiny: TinyRun) throws -> WeightExport {
    let model = try ModelFile.parse(text, source: "model")
    let encoder = try DualEncoder<Float>(model)
    encoder.parameters.initialise(seed: 1)
    let tensors = ParameterTensors(encoder.parameters.declared)
    let url = tiny.url("w.safetensors")
    let image = SafetensorsImage(tensors: tensors.tensors)
    tensors.copy(into: image)
    _ = try image.write("w.safetensors", in: tiny.url("w.safetensors").deletingLastPathComponent())
    return try WeightExport(
      model: model, weights: NamedWeights(url), tokenizer: Tokenizers.load(tiny.tokenizerPath))
  }

  private func json(_ url: URL) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
  }

  @Test("open_clip's folder: its configuration, a tokenizer that frames texts, the same bytes")
  func openCLIP() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let (export, folder) = (try export(Self.clip, in: tiny), tiny.url("out"))
    let report = try export.write(.openCLIP, type: nil, to: folder)
    #expect(
      report.files == [
        "open_clip_config.json", "tokenizer.json", "tokenizer_config.json", "open_clip_model.safetensors",
      ])
    let config = try json(folder.appendingPathComponent("open_clip_config.json"))
    let model = try #require(config["model_cfg"] as? [String: Any])
    #expect((model["vision_cfg"] as? [String: Any])?["patch_size"] as? Int == 8)
    let text = try #require(model["text_cfg"] as? [String: Any])
    #expect(text["hf_tokenizer_name"] as? String == "." && text["type"] == nil)
    let mean = (config["preprocess_cfg"] as? [String: Any])?["mean"] as? [Double]
    #expect(mean == [0.48145466, 0.4578275, 0.40821073])
    let tokenizer = try json(folder.appendingPathComponent("tokenizer.json"))
    #expect(tokenizer["post_processor"] is [String: Any])
    let written = try NamedWeights(folder)
    for (name, spec) in export.weights.tensors {
      let bytes = try written.reader.tensor(named: name).bytes
      #expect(try bytes.elementsEqual(export.weights.reader.tensor(named: spec.name).bytes), "\(name)")
    }
    #expect(written.tensors.count == report.tensorCount && report.leftOut.isEmpty)
  }

  @Test("KELIP's folder: its configuration, a bare tokenizer, names behind model., in half precision")
  func kelip() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let folder = tiny.url("out")
    _ = try export(Self.clip, in: tiny).write(.kelip, type: .float16, to: folder)
    let config = try json(folder.appendingPathComponent("config.json"))
    #expect(config["image_resolution"] as? Int == 16 && config["vision_layers"] as? Int == 1)
    #expect(config["transformer_heads"] as? Int == 2 && config["vocab_size"] as? Int == 300)
    let tokenizer = try json(folder.appendingPathComponent("tokenizer.json"))
    #expect(tokenizer["post_processor"] is NSNull)
    let names = try json(folder.appendingPathComponent("tokenizer_config.json"))
    #expect(names["bos_token"] as? String == "[SOT]" && names["pad_token"] as? String == "[PAD]")
    let written = try NamedWeights(folder)
    #expect(written.map.format == "kelip")
    #expect(
      written.reader.tensors.allSatisfy { $0.name.hasPrefix("model.") && $0.type == .float16 })
  }

  @Test("transformers' folder: the text tower alone, and what has no place there is told")
  func huggingFaceBERT() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let folder = tiny.url("out")
    let report = try export(Self.bert, in: tiny).write(.huggingFaceBERT, type: nil, to: folder)
    #expect(report.leftOut == ["text.projection.weight", "text.projection.bias"])
    let config = try json(folder.appendingPathComponent("config.json"))
    #expect(config["hidden_size"] as? Int == 16 && config["max_position_embeddings"] as? Int == 20)
    #expect(config["layer_norm_eps"] as? Double == 1e-12)
    let names = try NamedWeights(folder).reader.tensors.map(\.name)
    #expect(names.contains("embeddings.word_embeddings.weight") && names.count == report.tensorCount)
    #expect(!names.contains { $0.hasPrefix("visual.") })
  }

  @Test(
    "a format without such a tower is refused",
    arguments: [
      (Self.bert, ExportFormat.openCLIP), (Self.bert, .kelip), (Self.clip, .huggingFaceBERT),
      (Self.clip, .torchvisionResNet50),
    ])
  func otherTowers(_ text: String, _ format: ExportFormat) throws {
    let tiny = try TinyRun(sampleCount: 3)
    let export = try export(text, in: tiny)
    let error = #expect(throws: KelipError.self) { try export.write(format, type: nil, to: tiny.url("out")) }
    #expect(error?.message.contains(format.rawValue) == true)
    #expect(!FileManager.default.fileExists(atPath: tiny.path("out")))
  }

  @Test(
    "what KELIP's class fixes is named where the model has it otherwise",
    arguments: [
      ("quick_gelu: true", "quick_gelu: false", "quick_gelu"),
      ("width: 64, layers: 1", "width: 64, layers: 1, head_width: 32", "vision_cfg.head_width"),
      ("heads: 2, layers: 1", "heads: 2, layers: 1, mlp_ratio: 2", "text_cfg.mlp_ratio"),
    ])
  func fixed(_ old: String, _ new: String, _ place: String) throws {
    let tiny = try TinyRun(sampleCount: 3)
    let export = try export(Self.clip.replacingOccurrences(of: old, with: new), in: tiny)
    let error = #expect(throws: KelipError.self) { try export.write(.kelip, type: nil, to: tiny.url("out")) }
    #expect(error?.location == place)
  }

  @Test("a folder with something in it is left alone")
  func occupied() throws {
    let tiny = try TinyRun(sampleCount: 3)
    let export = try export(Self.clip, in: tiny)
    let error = #expect(throws: KelipError.self) { try export.write(.openCLIP, type: nil, to: tiny.folder) }
    #expect(error?.location == tiny.folder.path)
  }
}
