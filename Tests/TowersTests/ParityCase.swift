import Collectives
import Foundation
import Kernels
import Objectives
import TestSupport
import Towers

/// An open_clip model's numbers, loaded into a `DualEncoder`.
struct ParityCase<S: ComputeScalar> {
  let fixture: Fixture
  let encoder: DualEncoder<S>
  let images: [Float]
  let captions: PackedCaptions
  var batchSize: Int { captions.count }
  var embedDim: Int { encoder.config.embedDim }

  init(_ name: String) throws {
    fixture = try Fixture(name, in: .module)
    let config = try JSONDecoder().decode(ModelConfig.self, from: Data(fixture.metadata["config"]!.utf8))
    encoder = try DualEncoder<S>(config)
    for parameter in encoder.parameters.parameters {
      let values = try fixture.floats("weights.\(parameter.name)")
      precondition(values.count == parameter.count, parameter.name)
      parameter.value.update(from: values, count: values.count)
    }
    encoder.refresh()
    images = try fixture.floats("images")
    captions = try Self.packed(fixture.integers("texts"), rowLength: config.text.contextLength)
  }

  /// Rows padded with 0 after EOT, the largest id of each, laid end to end.
  private static func packed(_ texts: [Int64], rowLength: Int) -> PackedCaptions {
    var (ids, offsets): ([Int32], [Int32]) = ([], [0])
    for start in stride(from: 0, to: texts.count, by: rowLength) {
      let row = texts[start..<start + rowLength]
      ids += row[...row.firstIndex(of: row.max()!)!].map { Int32($0) }
      offsets.append(Int32(ids.count))
    }
    return PackedCaptions(ids: ids, offsets: offsets)
  }

  /// Features of both towers, [B, D] each.
  func features(arena: Arena, training: Bool = true) -> (images: [Float], texts: [Float]) {
    var (imageFeatures, textFeatures) = (
      unwritten(Float.self, batchSize * embedDim), unwritten(Float.self, batchSize * embedDim)
    )
    let pass = TowerPass(training ? .training : .inference, arena)
    let size = encoder.config.vision.imageSize
    try! encoder.encodeImages(ImageBatch(images, count: batchSize, size: size), into: &imageFeatures, pass)
    try! encoder.encodeTexts(captions, into: &textFeatures, pass)
    return (imageFeatures, textFeatures)
  }

  /// A whole forward and backward pass; gradients are added to the arena's. Returns the loss.
  func step(
    arena: Arena, gradientsReady: (_ end: Int) -> Void = { _ in }
  ) throws -> Double {
    try arena.scratch {
      let (imageFeatures, textFeatures) = features(arena: arena)
      var (dImages, dTexts) = (
        unwritten(Float.self, imageFeatures.count), unwritten(Float.self, textFeatures.count)
      )
      let result = try GlobalContrastive().lossAndGradients(
        imageFeatures: imageFeatures, textFeatures: textFeatures, batchSize: batchSize, embedDim: embedDim,
        logitScale: encoder.logitScale.value.pointee, dImageFeatures: &dImages, dTextFeatures: &dTexts,
        communicator: SoloCommunicator(), arena: arena)
      encoder.logitScale.gradient.pointee += Float(result.dLogitScale)
      try encoder.backwardTexts(dTexts, gradientsReady: gradientsReady)
      try encoder.backwardImages(dImages, gradientsReady: gradientsReady)
      return result.loss
    }
  }

  func gradient(_ parameter: Parameter) -> [Double] {
    (0..<parameter.count).map { Double(parameter.gradient[$0]) }
  }
}

/// Address space for a test's activations.
func testArena() throws -> Arena { try Arena(capacity: 1 << 30) }
