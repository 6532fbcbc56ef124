import Basics
import Foundation
import Testing

@testable import Checkpointing

@Suite("Names of weights")
struct NameMapTests {
  /// Names and shapes of other libraries' models.
  private static let models: [String: [String: [Int]]] = {
    let url = Bundle.module.url(forResource: "weight_names", withExtension: "json", subdirectory: "Fixtures")!
    return try! JSONDecoder().decode([String: [String: [Int]]].self, from: Data(contentsOf: url))
  }()
  static let kinds = models.keys.sorted()

  /// `kinds` begin with the format.
  private func map(_ kind: String) throws -> NameMap {
    try NameMap.named(String(kind.split(separator: " ")[0]))
  }

  @Test("a file's kind is told by its names", arguments: kinds)
  func detection(_ kind: String) throws {
    let names = Array(Self.models[kind]!.keys)
    #expect(try NameMap.detect(names, at: "f").format == map(kind).format)
    #expect(
      try NameMap.detect(names.map { "module.\($0)" }, at: "f").format == map(kind).format
        || kind == "kelip")
  }

  @Test("every name has one here, and comes back as it was", arguments: kinds)
  func roundTrip(_ kind: String) throws {
    let map = try map(kind)
    var seen: Set<String> = []
    for name in Self.models[kind]!.keys {
      switch map.inside(name) {
      case .tensor(let inside):
        #expect(seen.insert(inside).inserted, "\(inside) twice")
        let unwrapped = name.hasPrefix("bert.") ? String(name.dropFirst(5)) : name
        #expect(map.outside(inside) == unwrapped)
      case .ignored: #expect(kind == "huggingface-bert BertForPreTraining" && name.hasPrefix("cls."))
      case .unknown: Issue.record("\(name) is unknown")
      }
    }
  }

  @Test("CLIP's names here are the same from all its files")
  func clip() throws {
    func names(_ kind: String) throws -> Set<String> {
      Set(try Self.models[kind]!.keys.map { try map(kind).inside($0) }.map { "\($0)" })
    }
    #expect(try names("kelip") == names("open_clip"))
    #expect(try names("open_clip-custom-text") == names("open_clip"))
    #expect(NameMap.openCLIP.inside("visual.proj") == .tensor("visual.proj"))
  }

  @Test(
    "towers have their places",
    arguments: [
      (
        "torchvision-resnet50", "layer1.0.downsample.1.running_var",
        "visual.layer1.0.downsample.1.running_var"
      ),
      ("torchvision-resnet50", "fc.weight", "visual.fc.weight"),
      ("huggingface-bert", "embeddings.LayerNorm.gamma", "text.embeddings.LayerNorm.weight"),
      (
        "huggingface-bert", "bert.encoder.layer.3.attention.output.LayerNorm.beta",
        "text.encoder.layer.3.attention.output.LayerNorm.bias"
      ),
      ("huggingface-bert", "module.bert.pooler.dense.bias", "text.pooler.dense.bias"),
      ("kelip", "model.logit_scale", "logit_scale"),
      ("open_clip", "module.visual.conv1.weight", "visual.conv1.weight"),
    ])
  func places(_ format: String, _ outside: String, _ inside: String) throws {
    #expect(try NameMap.named(format).inside(outside) == .tensor(inside))
  }

  @Test("what is no weight of a tower is known as that")
  func ignored() {
    #expect(NameMap.huggingFaceBERT.inside("bert.embeddings.position_ids") == .ignored)
    #expect(NameMap.huggingFaceBERT.inside("cls.predictions.bias") == .ignored)
    #expect(NameMap.openCLIP.inside("input_resolution") == .ignored)
    #expect(NameMap.huggingFaceBERT.inside("lm_head.weight") == .unknown)
    #expect(NameMap.huggingFaceBERT.outside("text.projection.weight") == nil)
    #expect(NameMap.huggingFaceBERT.outside("visual.conv1.weight") == nil)
    #expect(NameMap.torchvisionResNet50.outside("token_embedding.weight") == nil)
  }

  @Test("unknown names and formats are told with what is known")
  func refusals() {
    let unknown = #expect(throws: KelipError.self) { try NameMap.detect(["a", "b.c"], at: "f.safetensors") }
    #expect(unknown?.location == "f.safetensors" && unknown?.message.contains("b.c") == true)
    let format = #expect(throws: KelipError.self) { try NameMap.named("timm") }
    #expect(format?.hint?.contains("torchvision-resnet50") == true)
    #expect(throws: KelipError.self) { try NameMap.detect([], at: "f") }
  }
}
