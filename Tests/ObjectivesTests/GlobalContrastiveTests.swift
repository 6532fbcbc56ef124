import Collectives
import Foundation
import Kernels
import TestSupport
import Testing

@testable import Objectives

@Suite("The global contrastive loss")
struct GlobalContrastiveTests {
  /// One rank's part of a global batch.
  private struct Part: Sendable {
    var loss: Double
    var dImages: [Float]
    var dTexts: [Float]
    var dLogitScale: Double
    var pairLosses: [Double]
  }

  private struct Whole {
    var losses: [Double]
    var pairLosses: [Double]
    var dImages: [Float]
    var dTexts: [Float]
    var dLogitScale: Double
  }

  struct World: CustomTestStringConvertible, Sendable {
    var ranks: Int
    /// Rows a rank.
    var batchSize: Int
    var embedDim: Int

    var testDescription: String { "\(ranks) ranks of \(batchSize) × \(embedDim)" }
  }

  static let worlds = [
    (1, 1, 8), (1, 7, 5), (2, 3, 16), (2, 1, 1), (3, 5, 33), (4, 4, 7), (4, 1, 3), (3, 31, 64),
  ]
  .map { World(ranks: $0.0, batchSize: $0.1, embedDim: $0.2) }
  /// The usual path, and running maxima over several tiles.
  static let paths: [GlobalContrastive] =
    [GlobalContrastive()]
    + [(1, 1), (3, 5), (256, 1024)].map {
      var objective = GlobalContrastive(tileRows: $0, tileColumns: $1)
      objective.needsRunningMaxima = true
      return objective
    }
  /// Beyond a block of 32, a chunk of columns and a stripe of rows; a rank's rows start inside a block.
  static let largeWorlds = [(1, 33, 31), (1, 530, 20), (3, 45, 33), (2, 150, 40)]
    .map { World(ranks: $0.0, batchSize: $0.1, embedDim: $0.2) }

  private func run(
    _ objective: GlobalContrastive, _ world: World, _ images: [Float], _ texts: [Float], logitScale: Float,
    precision: Precision = .fp32
  ) throws -> Whole {
    let (b, d) = (world.batchSize, world.embedDim)
    let parts = try ThreadedCommunicator.run(worldSize: world.ranks) { communicator in
      let rows = communicator.rank * b * d..<(communicator.rank + 1) * b * d
      var (dImages, dTexts) = (unwritten(Float.self, b * d), unwritten(Float.self, b * d))
      var pairLosses = [Double](repeating: .nan, count: b)
      let result = try objective.lossAndGradients(
        imageFeatures: Array(images[rows]), textFeatures: Array(texts[rows]), batchSize: b, embedDim: d,
        logitScale: logitScale, precision: precision, dImageFeatures: &dImages, dTextFeatures: &dTexts,
        pairLosses: &pairLosses, communicator: communicator, arena: Arena(capacity: 1 << 26))
      return Part(
        loss: result.loss, dImages: dImages, dTexts: dTexts, dLogitScale: result.dLogitScale,
        pairLosses: pairLosses)
    }
    return Whole(
      losses: parts.map(\.loss), pairLosses: parts.flatMap(\.pairLosses), dImages: parts.flatMap(\.dImages),
      dTexts: parts.flatMap(\.dTexts),
      dLogitScale: parts.reduce(0) { $0 + $1.dLogitScale })
  }

  private func features(_ world: World) -> (images: [Float], texts: [Float]) {
    let count = world.ranks * world.batchSize * world.embedDim
    return (seededFloats(count, seed: 1, scale: 2), seededFloats(count, seed: 2, scale: 0.5))
  }

  private func dense(_ world: World, _ logitScale: Float) -> DenseContrastive {
    let (images, texts) = features(world)
    return DenseContrastive(
      images: doubles(images), texts: doubles(texts), embedDim: world.embedDim,
      logitScale: Double(logitScale))
  }

  @Test("equals the dense loss for any ranks, on both paths", arguments: worlds, paths)
  func parity(_ world: World, _ objective: GlobalContrastive) throws {
    let logitScale = Float(log(1 / 0.07))
    let (images, texts) = features(world)
    let actual = try run(objective, world, images, texts, logitScale: logitScale)
    let expected = dense(world, logitScale).lossAndGradients()
    for loss in actual.losses { #expect(abs(loss - expected.loss) < 1e-5) }
    #expect(Set(actual.losses).count == 1)
    for (pair, loss) in actual.pairLosses.enumerated() {
      #expect(abs(loss - expected.pairLosses[pair]) < 1e-4, "pair \(pair)")
    }
    // A batch of one pair, or features of one dimension, have no gradient but rounding.
    #expect(normMismatch(doubles(actual.dImages), expected.dImages, tolerance: 2e-5, floor: 1e-5) == nil)
    #expect(normMismatch(doubles(actual.dTexts), expected.dTexts, tolerance: 2e-5, floor: 1e-5) == nil)
    #expect(abs(actual.dLogitScale - expected.dLogitScale) < 1e-4 * max(0.1, abs(expected.dLogitScale)))
  }

  @Test("equals the dense loss beyond a block, a chunk and a stripe", arguments: largeWorlds)
  func largeParity(_ world: World) throws { try parity(world, GlobalContrastive()) }

  /// The dense loss of the unit vectors as bfloat16 rounds them, so that what is left is the rounding of probabilities
  /// (2⁻⁹ each, so 0.4 % of a gradient at most) and of the lengths.
  @Test("bf16 equals the dense loss of the rounded features to 0.5 %", arguments: worlds + largeWorlds)
  func bf16Parity(_ world: World) throws {
    let logitScale = Float(log(1 / 0.07))
    let (images, texts) = features(world)
    let rounded = DenseContrastive(
      images: roundedUnitRows(images, world), texts: roundedUnitRows(texts, world), embedDim: world.embedDim,
      logitScale: Double(logitScale), isNormalised: true)
    let actual = try run(GlobalContrastive(), world, images, texts, logitScale: logitScale, precision: .bf16)
    let expected = ContrastiveTiles<BFloat16>.isUsable ? rounded : dense(world, logitScale)
    let result = expected.lossAndGradients()
    for loss in actual.losses { #expect(abs(loss - result.loss) < 1e-4) }
    #expect(Set(actual.losses).count == 1)
    #expect(abs(actual.dLogitScale - result.dLogitScale) < 5e-3 * max(0.1, abs(result.dLogitScale)))
    let (dImages, dTexts) = (
      lengthened(result.dImages, images, world), lengthened(result.dTexts, texts, world)
    )
    #expect(normMismatch(doubles(actual.dImages), dImages, tolerance: 5e-3, floor: 1e-2) == nil)
    #expect(normMismatch(doubles(actual.dTexts), dTexts, tolerance: 5e-3, floor: 1e-2) == nil)
  }

  private func roundedUnitRows(_ x: [Float], _ world: World) -> [Double] {
    let d = world.embedDim
    let unit = Reference.l2NormaliseForward(doubles(x), rows: x.count / d, columns: d).y
    return unit.map { Double(BFloat16(rounding: Float($0)).float) }
  }

  /// The gradient of features from that of their unit rows; as it is where the dense loss has done so.
  private func lengthened(_ dUnit: [Double], _ x: [Float], _ world: World) -> [Double] {
    guard ContrastiveTiles<BFloat16>.isUsable else { return dUnit }
    let d = world.embedDim
    let unit = Reference.l2NormaliseForward(doubles(x), rows: x.count / d, columns: d)
    return Reference.l2NormaliseBackward(dUnit, y: unit.y, norms: unit.norms, rows: x.count / d, columns: d)
  }

  @Test("any number of threads gives the same bits", arguments: Precision.allCases)
  func threads(_ precision: Precision) throws {
    let world = World(ranks: 1, batchSize: 530, embedDim: 20)
    let (images, texts) = features(world)
    let results = try [1, 2, 5].map { workers in
      var objective = GlobalContrastive()
      objective.workers = workers
      return try run(objective, world, images, texts, logitScale: 3, precision: precision)
    }
    for result in results.dropFirst() {
      #expect(result.losses == results[0].losses && result.dLogitScale == results[0].dLogitScale)
      #expect(result.dImages == results[0].dImages && result.dTexts == results[0].dTexts)
    }
  }

  @Test("a pair alone has no loss and no gradient")
  func pairAlone() throws {
    let world = World(ranks: 1, batchSize: 1, embedDim: 8)
    let (images, texts) = features(world)
    let result = try run(GlobalContrastive(), world, images, texts, logitScale: 3)
    #expect(abs(result.losses[0]) < 1e-5)
    #expect((result.dImages + result.dTexts).allSatisfy { abs($0) < 1e-5 })
    #expect(abs(result.dLogitScale) < 1e-5)
  }

  /// With one dimension, opposite pairs leave a row whose every similarity is −1: running maxima take over.
  @Test("at the largest scale, ln 100, all stays finite and right", arguments: [false, true], [1, 16])
  func extremeScale(_ matching: Bool, _ embedDim: Int) throws {
    let world = World(ranks: 2, batchSize: 5, embedDim: embedDim)
    var (images, texts) = features(world)
    // Either pairs that agree, so that the loss is nearly 0, or pairs that are opposite.
    texts = images.map { matching ? $0 : -$0 }
    images = images.map { $0 * 1e3 }
    if embedDim == 1 {
      (images, texts) = (images.map { abs($0) }, texts.map { matching ? abs($0) : -abs($0) })
    }
    let logitScale = Float(log(100.0))
    let actual = try run(GlobalContrastive(), world, images, texts, logitScale: logitScale)
    let expected = DenseContrastive(
      images: doubles(images), texts: doubles(texts), embedDim: embedDim, logitScale: Double(logitScale)
    ).lossAndGradients()
    // The sums of a log-sum-exp near 100 are good to 1e-5 in 32 bits.
    #expect(abs(actual.losses[0] - expected.loss) < 3e-5)
    #expect(normMismatch(doubles(actual.dImages), expected.dImages, tolerance: 1e-4, floor: 1e-6) == nil)
    #expect(normMismatch(doubles(actual.dTexts), expected.dTexts, tolerance: 1e-4, floor: 1e-3) == nil)
    // So is the scale's gradient, a sum of terms near 100 that cancel.
    let bound = embedDim == 1 && !matching ? 5e-4 : 1e-4
    #expect(abs(actual.dLogitScale - expected.dLogitScale) < bound * max(1, abs(expected.dLogitScale)))
  }

  @Test("the dense loss: finite differences, step 1e-5, tolerance 1e-6")
  func differences() {
    let loss = dense(World(ranks: 1, batchSize: 4, embedDim: 3), 1.5)
    let analytic = loss.lossAndGradients()
    func value(_ change: (inout DenseContrastive) -> Void) -> Double {
      var changed = loss
      change(&changed)
      return changed.lossAndGradients().loss
    }
    let byImage = finiteDifferences(of: loss.images, step: 1e-5) { x in value { $0.images = x } }
    let byText = finiteDifferences(of: loss.texts, step: 1e-5) { x in value { $0.texts = x } }
    let byScale = finiteDifferences(of: [loss.logitScale], step: 1e-5) { x in value { $0.logitScale = x[0] } }
    #expect(mismatch(analytic.dImages, byImage, tolerance: 1e-6) == nil)
    #expect(mismatch(analytic.dTexts, byText, tolerance: 1e-6) == nil)
    #expect(mismatch([analytic.dLogitScale], byScale, tolerance: 1e-6) == nil)
  }

  @Test("a NaN feature makes the loss NaN on every rank", arguments: Precision.allCases)
  func poison(_ precision: Precision) throws {
    let world = World(ranks: 2, batchSize: 3, embedDim: 4)
    var (images, texts) = features(world)
    images[0] = .nan
    texts[1] *= 2
    let result = try run(GlobalContrastive(), world, images, texts, logitScale: 1, precision: precision)
    #expect(result.losses.allSatisfy { $0.isNaN })
  }
}
