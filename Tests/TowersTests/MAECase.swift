import Foundation
import Kernels
import TestSupport
import Towers

/// A published masked autoencoder's numbers, loaded into a `MaskedAutoencoder`.
struct MAECase<S: ComputeScalar> {
  private struct Config: Decodable {
    var model: ModelConfig
    var mae: MAEConfig
  }

  /// CLIP's normalisation.
  static var mean: [Float] { [0.48145466, 0.4578275, 0.40821073] }
  static var std: [Float] { [0.26862954, 0.26130258, 0.27577711] }
  static var names: [String] { ["mae_kelip", "mae_kelip_causal", "mae_he"] }

  let fixture: Fixture
  let model: MaskedAutoencoder<S>
  let pixels: [Float]
  let kept: KeptPatches
  let size: Int
  var count: Int { kept.indices.count / kept.perImage }

  init(_ name: String) throws {
    fixture = try Fixture(name, in: .module)
    let config = try JSONDecoder().decode(Config.self, from: Data(fixture.metadata["config"]!.utf8))
    model = try MaskedAutoencoder<S>(
      config.model, config.mae, mean: Self.mean, std: Self.std)
    for parameter in model.parameters.parameters where fixture.tensors["weights.\(parameter.name)"] != nil {
      let values = try fixture.floats("weights.\(parameter.name)")
      precondition(values.count == parameter.count, parameter.name)
      parameter.value.update(from: values, count: values.count)
    }
    model.refresh()
    pixels = try fixture.floats("images")
    kept = KeptPatches(
      indices: try fixture.integers("kept").map { Int32($0) }, perImage: try fixture.shape("kept")[1])
    size = config.model.vision.imageSize
  }

  func images(_ range: Range<Int>? = nil) -> ImageBatch {
    let all = pixels.withUnsafeBufferPointer { ImageBatch($0.baseAddress!, count: count, size: size) }
    var images = all
    images.keptPatches = kept
    return range.map { images.slice($0) } ?? images
  }

  /// A whole pass over the fixture's pictures, or over some of them as a part of the global batch.
  func accumulate(
    _ range: Range<Int>? = nil, arena: Arena, gradientsReady: (_ end: Int) -> Void = { _ in }
  ) throws -> Double {
    try model.accumulate(
      images(range), globalBatchSize: count, arena: arena, gradientsReady: gradientsReady)
  }

  func gradient(_ parameter: Parameter) -> [Double] {
    (0..<parameter.count).map { Double(parameter.gradient[$0]) }
  }
}
