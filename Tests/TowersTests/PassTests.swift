import Kernels
import TestSupport
import Testing
import Towers

@Suite("Passes through the towers")
struct PassTests {
  @Test("inference gives training's features, bit by bit", arguments: Precision.allCases)
  func inference(_ precision: Precision) throws { try inference(precision.storage) }

  private func inference<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>("tiny_openclip")
    let arena = try testArena()
    let training = arena.scratch { test.features(arena: arena) }
    let inference = arena.scratch { test.features(arena: arena, training: false) }
    #expect(training.images == inference.images)
    #expect(training.texts == inference.texts)
  }

  @Test("inference needs less memory")
  func inferenceMemory() throws {
    let test = try ParityCase<Float>("tiny_openclip")
    let (training, inference) = (try testArena(), try testArena())
    _ = test.features(arena: training)
    _ = test.features(arena: inference, training: false)
    #expect(inference.peakBytes < training.peakBytes)
  }

  @Test("packed captions give one caption's features", arguments: Precision.allCases)
  func packing(_ precision: Precision) throws { try packing(precision.storage) }

  private func packing<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>("tiny_openclip")
    let (arena, dim) = (try testArena(), test.embedDim)
    let together = arena.scratch { test.features(arena: arena).texts }
    for i in 0..<test.batchSize {
      let range = Int(test.captions.offsets[i])..<Int(test.captions.offsets[i + 1])
      let alone = PackedCaptions(ids: Array(test.captions.ids[range]), offsets: [0, Int32(range.count)])
      var features = unwritten(Float.self, dim)
      try arena.scratch { try test.encoder.encodeTexts(alone, into: &features, TowerPass(.training, arena)) }
      let bound = S.precision == .fp32 ? 1e-5 : 1e-2
      #expect(
        normMismatch(doubles(features), doubles(Array(together[i * dim..<(i + 1) * dim])), tolerance: bound)
          == nil)
    }
  }

  @Test("one image gives what a batch gives", arguments: Precision.allCases)
  func singleImage(_ precision: Precision) throws { try singleImage(precision.storage) }

  private func singleImage<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>("tiny_openclip_gelu")
    let (arena, dim) = (try testArena(), test.embedDim)
    let together = arena.scratch { test.features(arena: arena).images }
    let size = test.images.count / test.batchSize
    for i in 0..<test.batchSize {
      var features = unwritten(Float.self, dim)
      let image = Array(test.images[i * size..<(i + 1) * size])
      try arena.scratch {
        try test.encoder.encodeImages(
          ImageBatch(image, count: 1, size: test.encoder.config.vision.imageSize), into: &features,
          TowerPass(.training, arena))
      }
      let bound = S.precision == .fp32 ? 1e-5 : 1e-2
      #expect(
        normMismatch(doubles(features), doubles(Array(together[i * dim..<(i + 1) * dim])), tolerance: bound)
          == nil)
    }
  }

  @Test("a gradient that was reported ready does not change again", arguments: Precision.allCases)
  func readiness(_ precision: Precision) throws { try readiness(precision.storage) }

  private func readiness<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>("tiny_openclip")
    let gradients = test.encoder.parameters.gradients
    var reports: [(end: Int, prefix: [Float])] = []
    _ = try test.step(arena: testArena()) { reports.append(($0, Array(gradients[..<$0]))) }
    let ends = reports.map(\.end)
    #expect(ends == ends.sorted())
    // A report a block, and one at the end of each tower.
    #expect(ends.count == 2 + 1 + 2 + 1)
    #expect(ends.last! + 16 > gradients.count)
    for report in reports { #expect(Array(gradients[..<report.end]) == report.prefix) }
    // Nothing beyond what is reported last for the texts has been touched by then.
    let texts = ends[2]
    #expect(
      test.encoder.parameters.parameters.filter { $0.end <= texts }.allSatisfy {
        !$0.name.hasPrefix("visual")
      })
  }

  @Test("a steady step allocates nothing new", arguments: Precision.allCases)
  func steadyMemory(_ precision: Precision) throws { try steadyMemory(precision.storage) }

  private func steadyMemory<S: ComputeScalar>(_: S.Type) throws {
    let test = try ParityCase<S>("tiny_openclip")
    let arena = try testArena()
    for _ in 0..<2 { _ = try test.step(arena: arena) }
    let peak = arena.peakBytes
    for _ in 0..<3 { _ = try test.step(arena: arena) }
    #expect(arena.peakBytes == peak)
  }

  @Test("two passes with features first give the gradients of one", arguments: Precision.allCases)
  func featuresFirst(_ precision: Precision) throws { try featuresFirst(precision.storage) }

  private func featuresFirst<S: ComputeScalar>(_: S.Type) throws {
    let (one, two) = (try ParityCase<S>("tiny_openclip"), try ParityCase<S>("tiny_openclip"))
    let arena = try testArena()
    _ = try one.step(arena: arena)
    arena.scratch { _ = two.features(arena: arena, training: false) }
    _ = try two.step(arena: arena)
    #expect(Array(one.encoder.parameters.gradients) == Array(two.encoder.parameters.gradients))
  }
}
