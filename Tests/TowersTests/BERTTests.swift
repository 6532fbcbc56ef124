import Basics
import Foundation
import Kernels
import TestSupport
import Testing

@testable import Towers

@Suite("BERT")
struct BERTTests {
  static let poolings = BERTConfig.Pooling.allCases

  @Test("the same parameters as transformers under its names, and shapes")
  func names() throws {
    let test = try BERTCase<Float>(.pooler)
    #expect(
      test.parameters.declared.map(\.name).sorted() == test.fixture.names(after: "weights."))
    for parameter in test.parameters.declared {
      #expect(try parameter.shape == test.fixture.shape("weights.\(parameter.name)"), "\(parameter.name)")
    }
    let means = try BERTCase<Float>(.mean).parameters.declared.map(\.name)
    #expect(means == test.parameters.declared.map(\.name).filter { !$0.hasPrefix("text.pooler.") })
  }

  @Test("features, by norm: 1e-5 in fp32, 2e-2 in bf16", arguments: poolings, Precision.allCases)
  func features(_ pooling: BERTConfig.Pooling, _ precision: Precision) throws {
    try features(precision.storage, pooling)
  }

  private func features<S: ComputeScalar>(_: S.Type, _ pooling: BERTConfig.Pooling) throws {
    let test = try BERTCase<S>(pooling)
    let expected = doubles(try test.fixture.floats("\(pooling.rawValue).features"))
    let bound = S.precision == .fp32 ? 1e-5 : 2e-2
    for mode in [PassMode.training, .rehearsal, .inference] {
      #expect(normMismatch(doubles(test.features(nil, mode)), expected, tolerance: bound) == nil)
    }
  }

  @Test("every gradient, by norm: 1e-5 in fp32, 3e-2 in bf16", arguments: poolings, Precision.allCases)
  func gradients(_ pooling: BERTConfig.Pooling, _ precision: Precision) throws {
    try gradients(precision.storage, pooling)
  }

  private func gradients<S: ComputeScalar>(_: S.Type, _ pooling: BERTConfig.Pooling) throws {
    let test = try BERTCase<S>(pooling)
    try test.step()
    for parameter in test.parameters.declared {
      try expectGradient(test, parameter, of: pooling.rawValue)
    }
  }

  /// Against a gradient that is zero but for rounding (a key's bias moves no attention) the tower's rounding counts.
  private func expectGradient<S: ComputeScalar>(
    _ test: BERTCase<S>, _ parameter: Parameter, of kind: String
  ) throws {
    let expected = doubles(try test.fixture.floats("\(kind).grads.\(parameter.name)"))
    let bound = S.precision == .fp32 ? 1e-5 : 3e-2
    #expect(
      normMismatch(test.gradient(parameter), expected, tolerance: bound, floor: bound * 0.1) == nil,
      "\(parameter.name)")
  }

  @Test("rows of tokens and their gradients", arguments: Precision.allCases)
  func tokens(_ precision: Precision) throws { try tokens(precision.storage) }

  private func tokens<S: ComputeScalar>(_: S.Type) throws {
    let test = try BERTCase<S>(.pooler)
    let rows = test.tower.forwardTokens(test.captions, TowerPass(.training, test.arena))
    let actual = (0..<rows.count * rows.columns).map { Double(rows.rows[$0].float) }
    #expect(
      normMismatch(
        actual, doubles(try test.fixture.floats("tokens")), tolerance: S.precision == .fp32 ? 1e-5 : 2e-2)
        == nil)
    let probe = try test.fixture.floats("tokenProbe").map { S(rounding: $0) }
    test.tower.backwardTokens(probe) { _ in }
    for parameter in test.parameters.declared {
      guard !parameter.name.hasPrefix("text.pooler."), !parameter.name.hasPrefix("text.projection.") else {
        #expect(test.gradient(parameter).allSatisfy { $0 == 0 })
        continue
      }
      try expectGradient(test, parameter, of: "tokens")
    }
  }

  @Test("packed captions give one caption's features", arguments: poolings, Precision.allCases)
  func packing(_ pooling: BERTConfig.Pooling, _ precision: Precision) throws {
    try packing(precision.storage, pooling)
  }

  private func packing<S: ComputeScalar>(_: S.Type, _ pooling: BERTConfig.Pooling) throws {
    let test = try BERTCase<S>(pooling)
    let together = test.features()
    for i in 0..<test.captions.count {
      let range = Int(test.captions.offsets[i])..<Int(test.captions.offsets[i + 1])
      let alone = PackedCaptions(ids: Array(test.captions.ids[range]), offsets: [0, Int32(range.count)])
      let expected = doubles(Array(together[i * test.embedDim..<(i + 1) * test.embedDim]))
      let bound = S.precision == .fp32 ? 1e-5 : 1e-2
      #expect(normMismatch(doubles(test.features(alone)), expected, tolerance: bound) == nil)
    }
  }

  @Test("gradients are added, and those reported ready do not change again")
  func readiness() throws {
    let test = try BERTCase<Float>(.pooler)
    var reports: [(end: Int, prefix: [Float])] = []
    try test.step { reports.append(($0, Array(test.parameters.gradients[..<$0]))) }
    #expect(reports.map(\.end) == reports.map(\.end).sorted() && reports.count == 3)
    #expect(reports.last!.end + 16 > test.parameters.gradients.count)
    for report in reports { #expect(Array(test.parameters.gradients[..<report.end]) == report.prefix) }
    let once = test.parameters.gradients.map { 2 * Double($0) }
    try test.step()
    #expect(normMismatch(test.parameters.gradients.map { Double($0) }, once, tolerance: 1e-6) == nil)
  }

  @Test("a steady step allocates nothing new, and frozen layers keep nothing")
  func memory() throws {
    func peak(_ freezing: Freezing) throws -> Int {
      let test = try BERTCase<Float>(.pooler, freezing: freezing)
      try test.step()
      let peak = test.arena.peakBytes
      for _ in 0..<2 { try test.step() }
      #expect(test.arena.peakBytes == peak)
      return peak
    }
    let peaks = try [Freezing.none, .blocks(1), .body].map(peak)
    #expect(peaks[0] > peaks[1] && peaks[1] > peaks[2])
  }

  @Test(
    "what is trained gets the gradients it has in the whole tower, what is frozen none",
    arguments: [Freezing.blocks(0), .blocks(1), .blocks(2), .body, .tower])
  func freezing(_ freezing: Freezing) throws {
    let (whole, test) = (try BERTCase<Float>(.pooler), try BERTCase<Float>(.pooler, freezing: freezing))
    try whole.step()
    try test.step()
    #expect(test.features() == whole.features())
    let trained = test.parameters.declared.filter(\.isTrainable).map(\.name)
    let prefixes: [String] =
      switch freezing {
      case .blocks(let count):
        (count..<2).map { "text.encoder.layer.\($0)." } + ["text.pooler.", "text.projection."]
      case .body: ["text.projection."]
      case .none, .tower: []
      }
    #expect(
      trained
        == whole.parameters.declared.map(\.name).filter { name in prefixes.contains(where: name.hasPrefix) })
    for parameter in test.parameters.declared where parameter.isTrainable {
      let expected = whole.parameters.declared.first { $0.name == parameter.name }!
      #expect(test.gradient(parameter) == whole.gradient(expected), "\(parameter.name)")
    }
  }

  @Test(
    "along every parameter's gradient by finite differences: step 3e-3, tolerance 1e-2 and 5e-5",
    arguments: poolings)
  func differences(_ pooling: BERTConfig.Pooling) throws {
    let test = try BERTCase<Float>(pooling)
    let probe = doubles(try test.fixture.floats("probe"))
    try test.step()
    for parameter in test.parameters.declared {
      let gradient = test.gradient(parameter)
      let length = norm(gradient)
      try #require(length.isFinite)
      // A key's bias moves no attention.
      guard !parameter.name.hasSuffix("key.bias") else { continue }
      let start = (0..<parameter.count).map { parameter.value[$0] }
      func loss(at t: Double) -> Double {
        for i in start.indices { parameter.value[i] = start[i] + Float(t * gradient[i] / length) }
        return test.arena.scratch { Reference.dot(doubles(test.features(nil, .inference)), probe) }
      }
      let slope = (loss(at: 3e-3) - loss(at: -3e-3)) / 6e-3
      parameter.value.update(from: start, count: start.count)
      // The losses' own rounding, 3e-7, over twice the step.
      #expect(abs(slope - length) <= 1e-2 * length + 5e-5, "\(parameter.name): \(slope), expected \(length)")
    }
  }

  @Test(
    "sizes that do not fit are refused by name",
    arguments: [
      (#"{"width": 24, "heads": 2}"#, "text_cfg"), (#"{"heads": 7}"#, "text_cfg"),
      (#"{"max_positions": 70}"#, "text_cfg"), (#"{"layers": 0}"#, "text_cfg.layers"),
      (#"{"layer_norm_eps": 0}"#, "text_cfg.layer_norm_eps"), (#"{"mlp_ratio": 0}"#, "text_cfg.mlp_ratio"),
      (#"{"token_types": 0}"#, "text_cfg.token_types"),
    ])
  func refusals(_ json: String, _ place: String) throws {
    let config = try JSONDecoder().decode(BERTConfig.self, from: Data(json.utf8))
    let error = #expect(throws: KelipError.self) { try config.validate() }
    #expect(error?.location == place)
  }

  @Test("BERT-base has the published count, and is written with its type")
  func published() throws {
    let config = ModelConfig(
      embedDim: 512, vision: VisionTransformerConfig(imageSize: 32, patchSize: 32, width: 64, layers: 1),
      text: BERTConfig())
    let text = DualEncoder<Float>.declaredParameters(of: config).filter { $0.name.hasPrefix("text.") }
    // 109,482,240 are bert-base-uncased's; the last layer is ours.
    #expect(text.reduce(0) { $0 + $1.count } == 109_482_240 + 512 * 768 + 512)
    let data = try JSONEncoder().encode(config)
    #expect(try JSONDecoder().decode(ModelConfig.self, from: data) == config)
    #expect(String(decoding: data, as: UTF8.self).contains(#""type":"bert""#))
  }
}
