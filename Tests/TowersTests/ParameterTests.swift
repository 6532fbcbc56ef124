import Foundation
import Kernels
import TestSupport
import Testing
import Towers

@Suite("Parameters")
struct ParameterTests {
  private static let small = ModelConfig(
    embedDim: 32, quickGelu: true,
    vision: VisionTransformerConfig(imageSize: 32, patchSize: 8, width: 64, layers: 2, headWidth: 16),
    text: TextTransformerConfig(contextLength: 16, vocabSize: 200, width: 48, heads: 3, layers: 3))

  private func initialised(seed: UInt64) throws -> DualEncoder<Float> {
    let encoder = try DualEncoder<Float>(Self.small)
    encoder.parameters.initialise(seed: seed)
    return encoder
  }

  @Test("ViT-B/32 with KELIP's vocabulary has the published count")
  func publishedCount() throws {
    let config = ModelConfig(
      embedDim: 512, quickGelu: true,
      vision: VisionTransformerConfig(imageSize: 224, patchSize: 32, width: 768, layers: 12),
      text: TextTransformerConfig(contextLength: 77, vocabSize: 98_818, width: 512, heads: 8, layers: 12))
    // The arena's pages are not touched, so this costs address space only.
    let parameters = try DualEncoder<BFloat16>(config, training: false).parameters
    let visual = parameters.parameters.filter { $0.name.hasPrefix("visual.") }.reduce(0) { $0 + $1.count }
    #expect(visual == 87_849_216)
    #expect(parameters.parameterCount - visual - 1 == 88_726_016)
    #expect(parameters.parameterCount == 176_575_233)
    let declared = DualEncoder<BFloat16>.declaredParameters(of: config)
    #expect(declared.map(\.name) == parameters.parameters.map(\.name).reversed())
    #expect(declared.reduce(0) { $0 + $1.count } == 176_575_233)
  }

  @Test("a seed gives the same numbers again, another seed others")
  func determinism() throws {
    let (first, again, other) = (try initialised(seed: 1), try initialised(seed: 1), try initialised(seed: 2))
    #expect(Array(first.parameters.values) == Array(again.parameters.values))
    #expect(Array(first.parameters.values) != Array(other.parameters.values))
  }

  @Test("parameters of one shape and rule start apart")
  func independence() throws {
    let encoder = try initialised(seed: 1)
    let weights = encoder.parameters.parameters.filter { $0.name.hasSuffix("in_proj_weight") }.map {
      Array(UnsafeBufferPointer(start: $0.value, count: 8))
    }
    #expect(Set(weights).count == 5)
  }

  @Test("OpenAI CLIP's deviations: means and deviations within five standard errors")
  func deviations() throws {
    let encoder = try initialised(seed: 3)
    for parameter in encoder.parameters.parameters {
      let values = (0..<parameter.count).map { Double(parameter.value[$0]) }
      let std = try #require(Self.expectedStd(parameter.name), "\(parameter.name)")
      let mean = values.reduce(0, +) / Double(values.count)
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
        .squareRoot()
      if std == 0 {
        #expect(deviation < 1e-12, "\(parameter.name)")
        #expect(Float(mean) == Self.expectedConstant(parameter.name), "\(parameter.name)")
      } else {
        let error = 5 / Double(values.count).squareRoot()
        #expect(abs(mean) < error * std, "\(parameter.name)")
        #expect(abs(deviation / std - 1) < error, "\(parameter.name)")
      }
    }
  }

  /// KELIP.md's table for the `small` model; 0 for constants.
  private static func expectedStd(_ name: String) -> Double? {
    let (width, layers) = name.hasPrefix("visual.") ? (64.0, 2.0) : (48.0, 3.0)
    if name == "logit_scale" || name.hasSuffix("bias") || name.contains("ln_") { return 0 }
    let rules: [(suffix: String, std: Double)] = [
      ("token_embedding.weight", 0.02), ("visual.positional_embedding", pow(width, -0.5)),
      ("positional_embedding", 0.01), ("class_embedding", pow(width, -0.5)),
      ("in_proj_weight", pow(width, -0.5)), ("c_fc.weight", pow(2 * width, -0.5)),
      ("out_proj.weight", pow(width, -0.5) * pow(2 * layers, -0.5)),
      ("c_proj.weight", pow(width, -0.5) * pow(2 * layers, -0.5)), ("visual.proj", pow(width, -0.5)),
      ("text_projection", pow(width, -0.5)),
      // Uniform in ±1/√(3·8·8).
      ("conv1.weight", pow(192, -0.5) / 3.0.squareRoot()),
    ]
    return rules.first { name.hasSuffix($0.suffix) }?.std
  }

  private static func expectedConstant(_ name: String) -> Float {
    if name == "logit_scale" { return Float(log(1 / 0.07)) }
    return name.hasSuffix("bias") ? 0 : 1
  }

  @Test("decay is for matrices only")
  func decay() throws {
    for parameter in try initialised(seed: 1).parameters.parameters {
      let isMatrix =
        parameter.shape.count >= 2 && !parameter.name.hasSuffix("embedding")
        && parameter.name != "token_embedding.weight"
      #expect(parameter.decays == isMatrix, "\(parameter.name)")
    }
  }

  @Test("ranges are apart, aligned and in order")
  func layout() throws {
    let arena = try initialised(seed: 1).parameters
    var end = 0
    for parameter in arena.parameters {
      #expect(parameter.offset >= end && parameter.offset < end + 16 && parameter.offset % 16 == 0)
      end = parameter.end
    }
    #expect(arena.count >= end && arena.count < end + 16)
    #expect(UInt(bitPattern: arena.values.baseAddress) % 64 == 0)
  }

  @Test("a model gives its memory back")
  func release() throws {
    weak var arena: ParameterArena?
    do {
      let encoder = try initialised(seed: 1)
      arena = encoder.parameters
      #expect(arena != nil)
    }
    #expect(arena == nil)
  }
}
