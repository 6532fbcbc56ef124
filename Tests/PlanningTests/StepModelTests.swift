import Basics
import Foundation
import TestFolders
import Testing

@testable import Planning

/// A step whose compute and gather grow with the batch, and whose bucket does not.
private func trace(batch: Double, lossSeconds: Double = 0) -> StepTrace {
  StepTrace(
    events: [
      .init(0.1 + 0.2 * batch, .blocking(Collective(.allGather, bytes: 64 * batch))),
      .init(0.5 * batch + lossSeconds, .start(Collective(.allReduce, bytes: 1e6))),
      .init(0.3, .wait(0)),
    ], tailSeconds: 0.4)
}

private func model(_ batches: [Int] = [2, 5], loss: StepModel.LossGrowth = .none) throws -> StepModel {
  try StepModel(
    batches.map {
      .init(batchSize: $0, trace: trace(batch: Double($0)), activationBytes: 100 + 10 * Double($0))
    }, worldSize: 2, loss: loss)
}

private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(1, abs(a), abs(b)) }

private func isClose(_ a: StepTrace, _ b: StepTrace) -> Bool {
  a.hasSameShape(as: b) && isClose(a.tailSeconds, b.tailSeconds)
    && zip(a.events, b.events).allSatisfy {
      isClose($0.computeSeconds, $1.computeSeconds)
        && isClose($0.action.collective?.bytes ?? 0, $1.action.collective?.bytes ?? 0)
    }
}

@Suite("A model of steps")
struct StepModelTests {
  @Test("is a line through two batches", arguments: [1, 2, 3.5, 5, 64])
  func linear(batch: Double) throws {
    let model = try model()
    #expect(isClose(model.trace(batchSize: batch, worldSize: 2), trace(batch: batch)))
    #expect(isClose(model.activationBytes(batchSize: batch, worldSize: 2), 100 + 10 * batch))
  }

  @Test("takes a single batch in proportion")
  func single() throws {
    let model = try model([4])
    #expect(isClose(model.trace(batchSize: 8, worldSize: 2), trace(batch: 4).scaled(by: 2).withBytesTwice))
  }

  @Test("adds the loss of a larger world before the first bucket")
  func loss() throws {
    let model = try model(loss: .init(secondsPerPair: 1e-4, secondsPerPairOfPairs: 1e-3, bytesPerPair: 7))
    // 3 pairs against 3 · (10 − 2) more.
    #expect(
      isClose(model.trace(batchSize: 3, worldSize: 10), trace(batch: 3, lossSeconds: (1e-4 + 1e-3 * 3) * 24)))
    #expect(isClose(model.activationBytes(batchSize: 3, worldSize: 10), 130 + 7 * 24))
  }

  @Test(
    "rows of a table: more of them the more ranks draw, then all",
    arguments: [(1, 100.0), (2, 190), (4, 343.9)])
  func table(worldSize: Int, expected: Double) throws {
    var touched = Collective(.allReduce, bytes: 100)
    touched.tableBytes = 1000
    let sample = StepModel.Sample(
      batchSize: 4, trace: StepTrace(events: [.init(0, .start(touched))], tailSeconds: 0), activationBytes: 0)
    let model = try StepModel([sample], worldSize: 2, loss: .none)
    #expect(isClose(model.trace(batchSize: 4, worldSize: worldSize).bytes, expected))
    // Beyond half of them the table travels as it is.
    #expect(model.trace(batchSize: 4, worldSize: 7).bytes == 1000)
    #expect(model.trace(batchSize: 100, worldSize: 1).bytes == 1000)
  }

  @Test("ranks share the update of a sharded optimizer", arguments: [(2, 0.8), (8, 0.2), (1, 1.6)])
  func sharded(worldSize: Int, expected: Double) throws {
    let events: [StepTrace.Event] = [
      .init(3, .start(Collective(.reduceScatter, bytes: 8))), .init(0, .wait(0)),
      .init(0.8, .start(Collective(.partGather, bytes: 8))), .init(0, .wait(1)),
    ]
    let sample = StepModel.Sample(
      batchSize: 1, trace: StepTrace(events: events, tailSeconds: 2), activationBytes: 0)
    let model = try StepModel([sample], worldSize: 2, loss: .none, isSharded: true)
    let trace = model.trace(batchSize: 1, worldSize: worldSize)
    #expect(trace.events[0].computeSeconds == 3 && trace.tailSeconds == 2)
    #expect(isClose(trace.events[2].computeSeconds, expected))
  }

  @Test("nothing becomes negative")
  func positive() throws {
    let samples = [(1, 9.0), (2, 1.0)].map {
      StepModel.Sample(batchSize: $0, trace: StepTrace(events: [], tailSeconds: $1), activationBytes: $1)
    }
    let model = try StepModel(samples, worldSize: 2, loss: .none)
    #expect(model.trace(batchSize: 10, worldSize: 2).tailSeconds == 0)
    #expect(model.activationBytes(batchSize: 10, worldSize: 2) == 0)
  }

  @Test("refuses steps that differ in what they do")
  func shapes() {
    let other = StepTrace(events: [], tailSeconds: 1)
    #expect(throws: KelipError.self) {
      try StepModel(
        [
          .init(batchSize: 1, trace: trace(batch: 1), activationBytes: 0),
          .init(batchSize: 2, trace: other, activationBytes: 0),
        ], worldSize: 2, loss: .none)
    }
  }

  @Test("a slower core takes longer for everything")
  func scaled() throws {
    let slow = try model(loss: .init(secondsPerPair: 1e-4, secondsPerPairOfPairs: 1e-3, bytesPerPair: 7))
      .scaled(by: 3)
    let fast = try model(loss: .init(secondsPerPair: 1e-4, secondsPerPairOfPairs: 1e-3, bytesPerPair: 7))
    let times = [slow, fast].map { $0.trace(batchSize: 4, worldSize: 9).computeSeconds }
    #expect(isClose(times[0], 3 * times[1]))
  }

  @Test("the median is taken stretch by stretch")
  func median() throws {
    let traces = [(1.0, 5.0), (3, 1), (2, 9)].map {
      StepTrace(events: [.init($0, .blocking(Collective(.barrier, bytes: 0)))], tailSeconds: $1)
    }
    let middle = try #require(StepTrace.median(traces))
    #expect(middle.events[0].computeSeconds == 2 && middle.tailSeconds == 5)
    #expect(try #require(StepTrace.median(Array(traces[..<2]))).tailSeconds == 3)
    #expect(StepTrace.median([]) == nil)
    #expect(StepTrace.median([traces[0], StepTrace(events: [], tailSeconds: 0)]) == nil)
  }
}

extension StepTrace {
  fileprivate var withBytesTwice: StepTrace {
    var copy = self
    for index in copy.events.indices {
      guard let bytes = events[index].action.collective?.bytes else { continue }
      copy.events[index].action = events[index].action.with(bytes: 2 * bytes)
    }
    return copy
  }
}

@Suite("A file of measured steps")
struct StepModelFileTests {
  private func file() throws -> StepModelFile {
    var model = try model(loss: .init(secondsPerPair: 1e-4, secondsPerPairOfPairs: 1e-7, bytesPerPair: 4096))
    var rows = Collective(.partGather, bytes: 10)
    (rows.wireShare, rows.isHierarchical, rows.tableBytes) = (0.5, false, 20)
    (rows.isPerRank, model.isSharded) = (true, true)
    for index in model.samples.indices { model.samples[index].trace.events.append(.init(0, .blocking(rows))) }
    let memory = ParameterMemory(count: 100, trainedCount: 80, isSharded: true, otherBytes: 12.5)
    return StepModelFile([.init("contrastive", StepPredictor(model, memory))])
  }

  @Test func roundTrip() throws {
    let file = try file()
    #expect(try StepModelFile(json: Data(file.json.text.utf8), from: "test") == file)
  }

  @Test func refusesWaitsForWhatNeverStarted() throws {
    let text = try file().json.text.replacingOccurrences(of: #""wait_for": 0"#, with: #""wait_for": 1"#)
    #expect(throws: KelipError.self) { try StepModelFile(json: Data(text.utf8), from: "test") }
  }

  @Test(arguments: ["", "{}", #"{"stages": [{"name": "mae"}]}"#])
  func refusesWhatItIsNot(_ text: String) {
    #expect(throws: KelipError.self) { try StepModelFile(json: Data(text.utf8), from: "test") }
  }

  @Test("a step timed elsewhere sets the speed")
  func timing() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("step.json").path
    let text = #"{"batch_per_rank": 5, "step_seconds": 10.5, "communication_seconds": 0.5, "ranks": 2}"#
    try Data(text.utf8).write(to: folder.file("step.json"))
    let scaled = try file().scaled(to: StepTiming(contentsOf: path), from: path)
    let trace = scaled.stages[0].predictor.model.trace(batchSize: 5, worldSize: 2)
    #expect(isClose(trace.computeSeconds, 10))
  }
}

@Suite("A prediction")
struct PredictionTests {
  private let cluster = Cluster(
    nodes: 4, ranksPerNode: 2, network: Link(gigabitsPerSecond: 10, microseconds: 50))

  private func predictor(isSharded: Bool = false) throws -> StepPredictor {
    StepPredictor(try model(), ParameterMemory(count: 1000, trainedCount: 600, isSharded: isSharded))
  }

  @Test func memoryCountsWhatARankKeeps() throws {
    let memory = try predictor().predict(cluster, batchPerRank: 3).memory
    // Values, gradients, moments; copies for a checkpoint: values, and an eighth of the moments.
    let (kept, copies): (Double, Double) = (4 * 1600, 4 * 1000 + 600)
    #expect(memory.parameterBytes == kept + 8 * 600 + copies)
    #expect(isClose(memory.activationBytes, 130))
    let sharded = try predictor(isSharded: true).predict(cluster, batchPerRank: 3).memory
    #expect(sharded.parameterBytes == kept + 600 + copies)
  }

  @Test func throughputIsOfAllRanks() throws {
    let prediction = try predictor().predict(cluster, batchPerRank: 3)
    #expect(prediction.globalBatch == 24)
    #expect(isClose(prediction.pairsPerSecond * prediction.step.stepSeconds, 24))
  }

  @Test func curvesGoFromOneNodeToTheLimit() throws {
    let curve = ScalingCurve(
      .sameBatchPerRank, try predictor(), cluster.with(nodes: 6), batchPerRank: 3, upTo: 16)
    #expect(curve.points.map(\.prediction.cluster.nodes) == [1, 2, 4, 6, 8, 16])
    #expect(curve.points[0].efficiency == 1)
    #expect(zip(curve.points, curve.points.dropFirst()).allSatisfy { $1.efficiency < $0.efficiency })
  }

  @Test func aGlobalBatchRunsOutOfPairs() throws {
    let curve = ScalingCurve(.sameGlobalBatch, try predictor(), cluster, batchPerRank: 4, upTo: 1024)
    // 32 pairs on 2 ranks a node.
    #expect(curve.points.map(\.prediction.cluster.nodes) == [1, 2, 4, 8, 16])
    #expect(curve.points.allSatisfy { isClose($0.prediction.globalBatch, 32) })
  }
}
