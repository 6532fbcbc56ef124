import Collectives
import Kernels
import TestSupport
import Testing
import Towers

@Suite("Passes through convolutional towers")
struct ResNetPassTests {
  @Test(
    "a first pass gives training's features, and leaves its gradients and statistics as they are",
    arguments: ResNetParityTests.tiny, Precision.allCases)
  func rehearsal(_ model: String, _ precision: Precision) throws { try rehearsal(precision.storage, model) }

  private func rehearsal<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let (one, two, arena) = (try ResNetCase<S>(model), try ResNetCase<S>(model), try testArena())
    let first = try arena.scratch { try two.features(TowerPass(.rehearsal, arena)) }
    #expect(Array(one.parameters.statistics) == Array(two.parameters.statistics))
    let features = try one.step(arena)
    #expect(features == first)
    _ = try two.step(arena)
    #expect(Array(one.parameters.gradients) == Array(two.parameters.gradients))
    #expect(Array(one.parameters.statistics) == Array(two.parameters.statistics))
  }

  @Test("one picture gives what a batch gives in inference", arguments: ResNetParityTests.tiny)
  func singlePicture(_ model: String) throws {
    let (test, arena) = (try ResNetCase<Float>(model), try testArena())
    let together = try test.features(TowerPass(.inference, arena))
    for i in 0..<test.batch {
      let alone = try test.features(TowerPass(.inference, arena), pictures: i..<i + 1)
      let row = Array(together[i * test.embedDim..<(i + 1) * test.embedDim])
      #expect(normMismatch(doubles(alone), doubles(row), tolerance: 1e-5) == nil)
    }
  }

  @Test("passes that keep nothing need less memory, frozen layers too", arguments: ResNetParityTests.tiny)
  func memory(_ model: String) throws {
    func peak(_ mode: PassMode, _ freezing: Freezing = .none) throws -> Int {
      let arena = try testArena()
      _ = try ResNetCase<Float>(model, freezing: freezing).features(TowerPass(mode, arena))
      return arena.peakBytes
    }
    let training = try peak(.training)
    #expect(try peak(.inference) < training)
    #expect(try peak(.rehearsal) < training)
    #expect(try peak(.training, .blocks(1)) < training)
    #expect(try peak(.training, .body) < peak(.training, .blocks(1)))
  }

  @Test("a steady step allocates nothing new", arguments: ResNetParityTests.tiny)
  func steadyMemory(_ model: String) throws {
    let (test, arena) = (try ResNetCase<Float>(model), try testArena())
    _ = try test.step(arena)
    let peak = arena.peakBytes
    for _ in 0..<3 { _ = try test.step(arena) }
    #expect(arena.peakBytes == peak)
  }

  @Test("a gradient that was reported ready does not change again", arguments: ResNetParityTests.tiny)
  func readiness(_ model: String) throws {
    let test = try ResNetCase<Float>(model)
    let gradients = test.parameters.gradients
    var reports: [(end: Int, prefix: [Float])] = []
    _ = try test.step(try testArena(), gradientsReady: { reports.append(($0, Array(gradients[..<$0]))) })
    // One a block, one for the tower.
    #expect(reports.count == 5 + 1)
    #expect(reports.map(\.end) == reports.map(\.end).sorted())
    #expect(reports.last!.end + 16 > gradients.count)
    for report in reports { #expect(Array(gradients[..<report.end]) == report.prefix) }
  }

  @Test("gradients are added", arguments: ResNetParityTests.tiny)
  func accumulation(_ model: String) throws {
    let (test, arena) = (try ResNetCase<Float>(model), try testArena())
    _ = try test.step(arena)
    let once = doubles(Array(test.parameters.gradients))
    _ = try test.step(arena)
    #expect(
      normMismatch(doubles(Array(test.parameters.gradients)), once.map { 2 * $0 }, tolerance: 1e-5) == nil)
  }

  @Test("frozen layers norm by stored statistics and keep them", arguments: ResNetParityTests.tiny)
  func frozenStatistics(_ model: String) throws {
    let (test, arena) = (try ResNetCase<Float>(model, freezing: .body), try testArena())
    let before = test.parameters.parameters.filter { !$0.isTrainable }.map { test.values($0) }
    let inference = try test.features(TowerPass(.inference, arena))
    #expect(try test.step(arena) == inference)
    #expect(test.parameters.parameters.filter { !$0.isTrainable }.map { test.values($0) } == before)
    #expect(test.parameters.statistics.isEmpty)
    // Weight and bias of the last layer.
    #expect(test.parameters.parameters.filter(\.isTrainable).count == 2)
  }

  @Test("a locked tower has no gradient and asks for no backward", arguments: ResNetParityTests.tiny)
  func locked(_ model: String) throws {
    let test = try ResNetCase<Float>(model, freezing: .tower)
    var reports = 0
    _ = try test.step(try testArena(), gradientsReady: { _ in reports += 1 })
    #expect(reports == 0 && test.parameters.trainedCount == 0)
  }

  @Test("an empty batch has no features", arguments: ResNetParityTests.tiny, Precision.allCases)
  func emptyBatch(_ model: String, _ precision: Precision) throws { try emptyBatch(precision.storage, model) }

  private func emptyBatch<S: ComputeScalar>(_: S.Type, _ model: String) throws {
    let test = try ResNetCase<S>(model)
    #expect(try test.step(try testArena(), pictures: 0..<0).isEmpty)
    #expect(test.parameters.gradients.allSatisfy { $0 == 0 })
  }

  @Test(
    "two ranks that sum their statistics are as one: features 1e-5, gradients 1e-3",
    arguments: ResNetParityTests.tiny)
  func synchronised(_ model: String) throws {
    let one = try ResNetCase<Float>(model)
    let features = doubles(try one.step(try testArena()))
    let parts = [0..<1, 1..<one.batch]
    let results = try ThreadedCommunicator.run(worldSize: 2) { communicator in
      let test = try ResNetCase<Float>(model)
      let found = try test.step(
        try testArena(), pictures: parts[communicator.rank],
        sumOverRanks: { try communicator.allReduceSum($0) })
      return RankResult(
        features: doubles(found), gradients: doubles(Array(test.parameters.gradients)),
        statistics: doubles(Array(test.parameters.statistics)))
    }
    #expect(normMismatch(results[0].features + results[1].features, features, tolerance: 1e-5) == nil)
    let gradients = zip(results[0].gradients, results[1].gradients).map(+)
    for parameter in one.parameters.parameters where parameter.isTrainable {
      let found = Array(gradients[parameter.offset..<parameter.end])
      let problem = normMismatch(
        found, one.gradient(parameter), tolerance: 1e-3, floor: ResNetParityTests.roundingFloor)
      #expect(problem == nil, "\(parameter.name)")
    }
    for result in results {
      let expected = doubles(Array(one.parameters.statistics))
      #expect(normMismatch(result.statistics, expected, tolerance: 1e-5) == nil)
    }
  }

  private struct RankResult: Sendable {
    var features: [Double]
    var gradients: [Double]
    var statistics: [Double]
  }
}
