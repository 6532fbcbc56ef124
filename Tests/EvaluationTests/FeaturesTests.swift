import Basics
import Checkpointing
import Collectives
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
      .normalised().retrieval()
    for metrics in [report.imageToText, report.textToImage] {
      #expect(metrics.recallAt1 == 1 && metrics.medianRank == 1 && metrics.meanRank == 1)
    }
    #expect(report.count == count && report.chanceRecallAt1 == 1 / Double(count))
  }

  @Test func shuffledFeaturesAreFoundNowhere() throws {
    let (count, dimension) = (40, 32)
    let rows = Self.rows(count, dimension: dimension, seed: 4)
    let shifted = Array(rows[dimension...] + rows[..<dimension])
    let features = Evaluation.Features(images: rows, texts: shifted, dimension: dimension).normalised()
    let report = try features.retrieval()
    #expect(report.imageToText.recallAt1 == 0 && report.textToImage.recallAt1 == 0)
    let found = (0..<count).map { features.imagesFound(byText: $0, k: 2) }
    #expect(found.map { $0.best[0].index } == (0..<count).map { ($0 + 1) % count })
    #expect(found.allSatisfy { $0.best.count == 2 && abs($0.best[0].score - 1) < 1e-5 })
    #expect(found.allSatisfy { (2...count).contains($0.rank) })
    #expect(Double(found.reduce(0) { $0 + $1.rank }) / Double(count) == report.textToImage.meanRank)
  }

  /// Ranks with unequal numbers of rows, one of them with none.
  @Test(arguments: [[9], [4, 5], [5, 0, 4], [1, 1, 7]]) func ranksShareTheWork(_ rows: [Int]) throws {
    let whole = Evaluation.Features(
      images: Self.rows(9, dimension: 4, seed: 7), texts: Self.rows(9, dimension: 4, seed: 8), dimension: 4
    ).normalised()
    let expected = (
      try whole.retrieval(),
      try PairLoss.mean(whole, batchSize: 4, logitScale: 2.5, SoloCommunicator())
    )
    let found = try ThreadedCommunicator.run(worldSize: rows.count) { communicator in
      let start = 4 * rows[..<communicator.rank].reduce(0, +)
      let mine = start..<start + 4 * rows[communicator.rank]
      let part = Evaluation.Features(
        images: Array(whole.images[mine]), texts: Array(whole.texts[mine]), dimension: 4)
      let all = try part.gathered(communicator)
      #expect(all.images == whole.images && all.texts == whole.texts)
      return (
        try all.retrieval(communicator),
        try PairLoss.mean(all, batchSize: 4, logitScale: 2.5, communicator)
      )
    }
    for (report, loss) in found { #expect(report == expected.0 && loss == expected.1) }
  }

  /// Against the definition, in 64 bits: two whole groups of four, the ninth pair is left out.
  @Test func theLossIsTheMeanOverGroups() throws {
    let features = Evaluation.Features(
      images: Self.rows(9, dimension: 4, seed: 9), texts: Self.rows(9, dimension: 4, seed: 10), dimension: 4
    ).normalised()
    func logit(_ image: Int, _ text: Int) -> Double {
      exp(1.5)
        * (0..<4).reduce(0) {
          $0 + Double(features.images[4 * image + $1]) * Double(features.texts[4 * text + $1])
        }
    }
    func loss(_ group: Range<Int>) -> Double {
      group.reduce(0) { sum, i in
        let (row, column) = (group.map { exp(logit(i, $0)) }, group.map { exp(logit($0, i)) })
        return sum + log(row.reduce(0, +)) + log(column.reduce(0, +)) - 2 * logit(i, i)
      } / Double(2 * group.count)
    }
    let found = try PairLoss.mean(features, batchSize: 4, logitScale: 1.5, SoloCommunicator())
    #expect(abs(found - (loss(0..<4) + loss(4..<8)) / 2) < 1e-5)
    let whole = try PairLoss.mean(features, batchSize: 100, logitScale: 1.5, SoloCommunicator())
    #expect(abs(whole - loss(0..<9)) < 1e-5)
  }

  @Test func rowsThatDoNotPairAreAnError() {
    let features = Evaluation.Features(
      images: Self.rows(3, dimension: 2, seed: 5), texts: Self.rows(2, dimension: 2, seed: 6), dimension: 2)
    #expect(throws: KelipError.self) { try features.retrieval() }
  }
}
