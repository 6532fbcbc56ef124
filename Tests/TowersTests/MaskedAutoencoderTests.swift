import Basics
import Kernels
import TestSupport
import Testing
import Towers

@Suite("Masked autoencoders")
struct MaskedAutoencoderTests {
  static let names = MAECase<Float>.names

  @Test("KELIP's and He et al.'s parameters, and what the definition leaves unused", arguments: names)
  func parameterNames(_ name: String) throws {
    let test = try MAECase<Float>(name)
    let unused = name == "mae_he" ? ["visual.proj"] : []
    let parameters = test.model.parameters.parameters
    #expect(parameters.map(\.name).sorted() == (test.fixture.names(after: "weights.") + unused).sorted())
    for parameter in parameters where !unused.contains(parameter.name) {
      #expect(try parameter.shape == test.fixture.shape("weights.\(parameter.name)"), "\(parameter.name)")
    }
    for parameter in parameters {
      #expect(parameter.isHead == parameter.name.hasPrefix("mae."), "\(parameter.name)")
    }
  }

  @Test("the tower's tensors are a dual encoder's", arguments: names)
  func towerNames(_ name: String) throws {
    let model = try MAECase<Float>(name).model
    let shapes = Dictionary(
      uniqueKeysWithValues: DualEncoder<Float>.declaredParameters(of: model.config).map {
        ($0.name, $0.shape)
      })
    let tower = model.parameters.parameters.filter { !$0.isHead }
    #expect(tower.allSatisfy { shapes[$0.name] == $0.shape })
    #expect(Set(tower.map(\.name)) == Set(shapes.keys.filter { $0.hasPrefix("visual.") }))
  }

  @Test("predictions, by norm: 1e-5 in fp32, 2e-2 in bf16", arguments: names, Precision.allCases)
  func predictions(_ name: String, _ precision: Precision) throws {
    try predictions(precision.storage, name)
  }

  private func predictions<S: ComputeScalar>(_: S.Type, _ name: String) throws {
    let test = try MAECase<S>(name)
    let prediction = try test.model.prediction(test.images(), arena: testArena())
    let expected = doubles(try test.fixture.floats("prediction"))
    #expect(
      normMismatch(doubles(prediction), expected, tolerance: S.precision == .fp32 ? 1e-5 : 2e-2) == nil)
  }

  @Test("loss: 1e-5 in fp32, 1e-2 in bf16", arguments: names, Precision.allCases)
  func loss(_ name: String, _ precision: Precision) throws { try loss(precision.storage, name) }

  private func loss<S: ComputeScalar>(_: S.Type, _ name: String) throws {
    let test = try MAECase<S>(name)
    let loss = try test.accumulate(arena: testArena())
    let expected = Double(try test.fixture.floats("loss")[0])
    #expect(abs(loss - expected) <= (S.precision == .fp32 ? 1e-5 : 1e-2) * expected)
  }

  @Test("every gradient, by norm: 1e-5 in fp32, 5e-2 in bf16", arguments: names, Precision.allCases)
  func gradients(_ name: String, _ precision: Precision) throws { try gradients(precision.storage, name) }

  private func gradients<S: ComputeScalar>(_: S.Type, _ name: String) throws {
    let test = try MAECase<S>(name)
    _ = try test.accumulate(arena: testArena())
    for parameter in test.model.parameters.parameters {
      guard test.fixture.tensors["grads.\(parameter.name)"] != nil else {
        #expect(test.gradient(parameter).allSatisfy { $0 == 0 }, "\(parameter.name)")
        continue
      }
      let expected = doubles(try test.fixture.floats("grads.\(parameter.name)"))
      let bound = S.precision == .fp32 ? 1e-5 : 5e-2
      #expect(
        normMismatch(test.gradient(parameter), expected, tolerance: bound, floor: 1e-9) == nil,
        "\(parameter.name)")
    }
  }

  @Test("finite differences along every gradient: step 1e-3, tolerance 1e-2", arguments: names)
  func differences(_ name: String) throws {
    let test = try MAECase<Float>(name)
    let arena = try testArena()
    _ = try test.accumulate(arena: arena)
    let target = try test.target()
    for parameter in test.model.parameters.parameters where norm(test.gradient(parameter)) > 0 {
      try expectSlope(of: parameter, step: 1e-3, tolerance: 1e-2) {
        let prediction = doubles(test.model.prediction(test.images(), arena: arena))
        return Reference.squaredError(prediction, target: target, factor: 0).sum / Double(target.count)
      }
    }
  }

  @Test("parts of the global batch sum to the whole: loss and gradients", arguments: names)
  func parts(_ name: String) throws {
    let (whole, parts) = (try MAECase<Float>(name), try MAECase<Float>(name))
    let arena = try testArena()
    let loss = try whole.accumulate(arena: arena)
    let sum = try [0..<1, 1..<3].reduce(0.0) { try $0 + parts.accumulate($1, arena: arena) }
    #expect(abs(sum - loss) <= 1e-6 * loss)
    #expect(
      normMismatch(
        parts.model.parameters.gradients.map { Double($0) },
        whole.model.parameters.gradients.map { Double($0) }, tolerance: 1e-6) == nil)
  }

  @Test("a gradient that was reported ready does not change again, and all are reported", arguments: names)
  func readiness(_ name: String) throws {
    let test = try MAECase<Float>(name)
    let gradients = test.model.parameters.gradients
    var reports: [(end: Int, prefix: [Float])] = []
    _ = try test.accumulate(arena: testArena()) { reports.append(($0, Array(gradients[..<$0]))) }
    #expect(reports.map(\.end) == reports.map(\.end).sorted())
    #expect(reports.last!.end + 16 > gradients.count)
    for report in reports { #expect(Array(gradients[..<report.end]) == report.prefix) }
  }

  @Test("a steady step allocates nothing new, and a look keeps nothing", arguments: Precision.allCases)
  func memory(_ precision: Precision) throws { try memory(precision.storage) }

  private func memory<S: ComputeScalar>(_: S.Type) throws {
    let test = try MAECase<S>("mae_kelip")
    let (arena, other) = (try testArena(), try testArena())
    for _ in 0..<2 { _ = try test.accumulate(arena: arena) }
    let peak = arena.peakBytes
    _ = try test.accumulate(arena: arena)
    #expect(arena.peakBytes == peak)
    _ = test.model.prediction(test.images(), arena: other)
    #expect(other.peakBytes < peak)
  }

  @Test("the tower does not see what is masked", arguments: names)
  func blindness(_ name: String) throws {
    let test = try MAECase<Float>(name)
    let before = try test.model.prediction(test.images(), arena: testArena())
    var changed = test.pixels
    for i in test.maskedPixels() { changed[i] += 1 }
    var images = ImageBatch(changed, count: test.count, size: test.size)
    images.keptPatches = test.kept
    #expect(try test.model.prediction(images, arena: testArena()) == before)
  }

  @Test("a look: kept patches stay, masked ones are grey or predicted", arguments: names)
  func look(_ name: String) throws {
    let test = try MAECase<Float>(name)
    let arena = try testArena()
    let look = test.model.reconstruct(test.images(), arena: arena)
    let masked = Set(test.maskedPixels())
    let plane = test.size * test.size
    for i in test.pixels.indices where !masked.contains(i) {
      #expect(look.masked[i] == test.pixels[i] && look.reconstructed[i] == test.pixels[i])
    }
    for i in masked {
      let (mean, std) = (MAECase<Float>.mean[i / plane % 3], MAECase<Float>.std[i / plane % 3])
      #expect(abs(look.masked[i] * std + mean - 0.5) < 1e-6)
    }
    // The picture's masked patches, made a target again, are the prediction.
    if test.model.mae.target == .normalisedPixels {
      // The decoder's mean and deviation are not those of a target: only that they are finite can be said.
      #expect(look.reconstructed.allSatisfy(\.isFinite) && look.reconstructed != test.pixels)
      return
    }
    let prediction = doubles(test.model.prediction(test.images(), arena: arena))
    let target = try test.target(of: look.reconstructed)
    #expect(normMismatch(target, prediction, tolerance: 1e-5) == nil)
  }

  @Test("what does not fit is said with its key")
  func misfits() throws {
    let model = try MAECase<Float>("mae_kelip").model.config
    for (key, mae) in [
      ("mae.decoder_width", MAEConfig(decoderWidth: 13, decoderHeads: 1)),
      ("mae.decoder_heads", MAEConfig(decoderWidth: 12, decoderHeads: 5)),
      ("mae.decoder_layers", MAEConfig(decoderWidth: 12, decoderLayers: 0, decoderHeads: 3)),
      ("mae.masked_fraction", MAEConfig(maskedFraction: 1, decoderWidth: 12, decoderHeads: 3)),
      ("mae.masked_fraction", MAEConfig(maskedFraction: 0, decoderWidth: 12, decoderHeads: 3)),
    ] {
      let error = try #require(throws: KelipError.self) { _ = try mae.validated(for: model) }
      #expect(error.location == key)
    }
  }
}

extension MAECase {
  /// Indices into `pixels` of what is masked.
  func maskedPixels() -> [Int] {
    let patch = (model.config.vision as! VisionTransformerConfig).patchSize
    let across = size / patch
    return (0..<count).flatMap { picture in
      let kept = Set(kept.indices[picture * kept.perImage..<(picture + 1) * kept.perImage])
      return (0..<3 * size * size).compactMap { i in
        let (y, x) = (i / size % size, i % size)
        return kept.contains(Int32(y / patch * across + x / patch)) ? nil : picture * 3 * size * size + i
      }
    }
  }

  /// The targets of the masked patches from the references, in the order of predictions.
  func target(of pixels: [Float]? = nil) throws -> [Double] {
    let patch = (model.config.vision as! VisionTransformerConfig).patchSize
    let masked = PatchSampling.complement(
      of: kept.indices, keep: kept.perImage, patchCount: model.patchCount)
    let index = masked.enumerated().map { Int32($0 / model.maskedCount * model.patchCount) + $1 }
    let patches = Reference.gatherPatches(
      doubles(pixels ?? self.pixels), index: index, height: size, width: size, patchSize: patch)
    switch model.mae.target {
    case .pixels:
      return Reference.scaleChannels(
        patches, factor: [0.26862954, 0.26130258, 0.27577711].map { 2 * $0 },
        offset: [0.48145466, 0.4578275, 0.40821073].map { 2 * $0 - 1 }, pixels: patch * patch)
    case .normalisedPixels:
      return Reference.standardiseRows(patches, rows: index.count, columns: 3 * patch * patch)
    }
  }
}
