import Basics
import Checkpointing
import Foundation
import Testing

@Suite("Weights on their way into another file")
struct WeightCopyTests {
  private func fixture(_ name: String) throws -> SafetensorsReader {
    try SafetensorsReader(
      #require(Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Fixtures")))
  }

  @Test("rounds as torch does", arguments: [("half", TensorType.float16), ("bfloat16", .bfloat16)])
  func rounding(_ name: String, _ type: TensorType) throws {
    let reader = try fixture("rounding")
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("out.safetensors")
      try WeightCopy([.init(reader, "source", as: "x")], type: type).write(to: url)
      let result = try SafetensorsReader(url)
      let (written, expected) = (try result.tensor(named: "x"), try reader.tensor(named: name))
      #expect(written.type == type && written.type == expected.type && written.shape == expected.shape)
      #expect(written.bytes.elementsEqual(expected.bytes))
    }
  }

  @Test("in and out again gives every byte back, whatever the type")
  func roundTrip() throws {
    let python = try fixture("python")
    let names = python.tensors.map(\.name)
    try withTemporaryFolder { folder in
      let (middle, end) = (
        folder.appendingPathComponent("a.safetensors"), folder.appendingPathComponent("b.safetensors")
      )
      try WeightCopy(names.map { .init(python, $0, as: "visual.\($0)") }).write(to: middle)
      let renamed = try SafetensorsReader(middle)
      #expect(renamed.metadata == ["format": "pt"])
      try WeightCopy(names.map { .init(renamed, "visual.\($0)", as: $0) }).write(to: end)
      let result = try SafetensorsReader(end)
      #expect(Set(result.tensors.map(\.name)) == Set(names))
      for name in names {
        let (a, b) = (try python.tensor(named: name), try result.tensor(named: name))
        #expect(a.type == b.type && a.shape == b.shape && a.bytes.elementsEqual(b.bytes), "\(name)")
      }
    }
  }

  @Test("integers keep their type when floats get another")
  func integersStay() throws {
    let python = try fixture("python")
    let copy = try WeightCopy(["u8", "f32", "i64"].map { .init(python, $0, as: $0) }, type: .bfloat16)
    #expect(
      copy.tensors == [
        TensorSpec("i64", .int64, []), TensorSpec("f32", .bfloat16, [2, 3]), TensorSpec("u8", .uint8, [3]),
      ])
  }

  @Test("half precision refuses what would become infinite, by name")
  func overflow() throws {
    let python = try fixture("python")
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("out.safetensors")
      let copy = try WeightCopy([.init(python, "bf16", as: "visual.proj")], type: .float16)
      let error = #expect(throws: KelipError.self) { try copy.write(to: url) }
      #expect(error?.message.contains("visual.proj") == true && error?.location == python.url.path)
    }
  }
}

@Suite("Weight files of other libraries")
struct NamedWeightsTests {
  private func file(_ names: [String], _ folder: URL, _ name: String = "w.safetensors") throws -> URL {
    let url = folder.appendingPathComponent(name)
    let writer = try SafetensorsWriter(url, tensors: names.map { TensorSpec($0, .float32, [1]) })
    for i in names.indices { try writer.append([Float(i)]) }
    try writer.finish()
    return url
  }

  @Test("names, what is ignored and what is unknown")
  func names() throws {
    try withTemporaryFolder { folder in
      let names = ["bert.embeddings.word_embeddings.weight", "cls.predictions.bias", "bert.embedding.x"]
      let weights = try NamedWeights(file(names, folder))
      #expect(weights.map.format == "huggingface-bert")
      #expect(weights.tensors.mapValues(\.name) == ["text.embeddings.word_embeddings.weight": names[0]])
      #expect(weights.ignored == [names[1]] && weights.unknown == [names[2]])
    }
  }

  @Test("two tensors of one name here are refused")
  func collision() throws {
    try withTemporaryFolder { folder in
      let names = ["embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"]
      let url = try file(names + ["embeddings.word_embeddings.weight"], folder)
      let error = #expect(throws: KelipError.self) { try NamedWeights(url) }
      #expect(error?.message.contains(names[0]) == true && error?.message.contains(names[1]) == true)
    }
  }

  @Test("a folder stands for the weights in it")
  func folders() throws {
    try withTemporaryFolder { folder in
      let empty = #expect(throws: KelipError.self) { try NamedWeights(folder) }
      #expect(empty?.hint?.contains("model.safetensors") == true)
      let url = try file(["logit_scale"], folder, "open_clip_model.safetensors")
      #expect(try NamedWeights(folder).reader.url.path == url.path)
    }
  }

  @Test("pickles are refused with the way out", arguments: ["pt", "bin", "pth"])
  func pickles(_ ending: String) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.\(ending)")
      try Data("PK".utf8).write(to: url)
      let error = #expect(throws: KelipError.self) { try NamedWeights(url) }
      #expect(error?.hint?.contains("README") == true)
    }
  }
}
