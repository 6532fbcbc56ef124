import Basics
import Checkpointing
import Foundation
import Testing

@testable import Evaluation

@Suite struct FeaturesFileTests {
  /// `count` rows that are far from each other, of very different lengths.
  private static func rows(_ count: Int, dimension: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).flatMap { row in
      (0..<dimension).map { _ in Float(row + 1) * Float(generator.nextNormal()) }
    }
  }

  private func temporaryURL() -> URL {
    FileManager.default.temporaryDirectory.appendingPathComponent("kelip-\(UUID().uuidString).safetensors")
  }

  @Test(arguments: [(1, 1, 1), (2, 3, 5), (0, 4, 7), (3, 0, 2)])
  func theyComeBackAsTheyWere(images: Int, texts: Int, dimension: Int) throws {
    let url = temporaryURL()
    defer { try? FileManager.default.removeItem(at: url) }
    let features = Evaluation.Features(
      images: Self.rows(images, dimension: dimension, seed: 1),
      texts: Self.rows(texts, dimension: dimension, seed: 2), dimension: dimension)
    try features.write(to: url)
    let back = try Evaluation.Features(contentsOf: url)
    #expect(back.images == features.images && back.texts == features.texts && back.dimension == dimension)
    #expect(back.imageCount == images && back.textCount == texts)
    let unit = back.normalised()
    #expect(unit.imageCount == images && unit.textCount == texts)
  }

  @Test(arguments: [
    [TensorSpec("image_features", .float32, [2, 3])],
    [TensorSpec("image_features", .float32, [6]), TensorSpec("text_features", .float32, [2, 3])],
    [TensorSpec("image_features", .float32, [2, 3]), TensorSpec("text_features", .float32, [3, 2])],
  ])
  func whatIsNoPairOfMatricesIsRefused(tensors: [TensorSpec]) throws {
    let url = temporaryURL()
    defer { try? FileManager.default.removeItem(at: url) }
    let writer = try SafetensorsWriter(url, tensors: tensors)
    for _ in tensors { try writer.append([Float](repeating: 1, count: 6)) }
    try writer.finish()
    #expect(throws: KelipError.self) { try Evaluation.Features(contentsOf: url) }
  }

  @Test(arguments: [(1, 4), (7, 16), (67, 32)]) func perfectFeaturesAreFoundFirst(count: Int, dimension: Int)
    throws
  {
    let rows = Self.rows(count, dimension: dimension, seed: 3)
    // Lengths must not matter: the texts are the images a hundred times as long.
    let report = try Evaluation.Features(images: rows, texts: rows.map { 100 * $0 }, dimension: dimension)
      .retrieval()
    for metrics in [report.imageToText, report.textToImage] {
      #expect(metrics.recallAt1 == 1 && metrics.medianRank == 1 && metrics.meanRank == 1)
    }
    #expect(report.count == count && report.chanceRecallAt1 == 1 / Double(count))
  }

  @Test func shuffledFeaturesAreFoundNowhere() throws {
    let (count, dimension) = (40, 32)
    let rows = Self.rows(count, dimension: dimension, seed: 4)
    let shifted = Array(rows[dimension...] + rows[..<dimension])
    let report = try Evaluation.Features(images: rows, texts: shifted, dimension: dimension).retrieval()
    #expect(report.imageToText.recallAt1 == 0 && report.textToImage.recallAt1 == 0)
    let best = Evaluation.Features(images: rows, texts: shifted, dimension: dimension).bestImages(k: 2)
    #expect(best.map { $0[0].index } == (0..<count).map { ($0 + 1) % count })
    let ranks = Evaluation.Features(images: rows, texts: shifted, dimension: dimension).textRanks()
    #expect(ranks.allSatisfy { (2...count).contains($0) })
    #expect(Double(ranks.reduce(0, +)) / Double(count) == report.textToImage.meanRank)
    #expect(best.allSatisfy { $0.count == 2 && abs($0[0].score - 1) < 1e-5 })
  }

  @Test func rowsThatDoNotPairAreAnError() {
    let features = Evaluation.Features(
      images: Self.rows(3, dimension: 2, seed: 5), texts: Self.rows(2, dimension: 2, seed: 6), dimension: 2)
    #expect(throws: KelipError.self) { try features.retrieval() }
  }
}
