import Basics
import Foundation

/// A measured stage on disk: what `kelip plan --save-step` writes on a machine of the cluster, and `--step` reads
/// elsewhere.
package struct StepModelFile: Sendable, Equatable {
  package struct Stage: Sendable, Equatable {
    package var name: String
    package var predictor: StepPredictor
  }

  package var stages: [Stage]

  package init(_ stages: [Stage]) { self.stages = stages }

  package var json: JSONText { .object([("stages", .array(stages.map(\.json)))]) }

  package init(contentsOf path: String) throws {
    try self.init(json: PlanningFile.read(path), from: path)
  }

  /// - Parameter origin: what messages call it.
  package init(json: Data, from origin: String) throws {
    stages = try PlanningFile.decode(WrittenFile.self, json, origin).stages.map { try $0.stage(origin) }
  }
}

extension StepModelFile.Stage {
  package init(_ name: String, _ predictor: StepPredictor) { (self.name, self.predictor) = (name, predictor) }

  fileprivate var json: JSONText {
    let (model, parameters) = (predictor.model, predictor.parameters)
    return .object([
      ("name", .string(name)), ("world_size", .integer(model.worldSize)),
      ("loss_seconds_per_pair", .number(model.loss.secondsPerPair)),
      ("loss_seconds_per_pair_of_pairs", .number(model.loss.secondsPerPairOfPairs)),
      ("loss_bytes_per_pair", .number(model.loss.bytesPerPair)),
      ("parameters", .integer(parameters.count)), ("trained_parameters", .integer(parameters.trainedCount)),
      ("sharded", .bool(parameters.isSharded)), ("other_bytes", .number(parameters.otherBytes)),
      ("samples", .array(model.samples.map(\.json))),
    ])
  }
}

extension StepModel.Sample {
  fileprivate var json: JSONText {
    .object([
      ("batch_size", .integer(batchSize)), ("activation_bytes", .number(activationBytes)),
      ("tail_seconds", .number(trace.tailSeconds)), ("events", .array(trace.events.map(\.json))),
    ])
  }
}

extension StepTrace.Event {
  fileprivate var json: JSONText {
    var fields: [(String, JSONText)] = [("compute_seconds", .number(computeSeconds))]
    switch action {
    case .blocking(let collective), .start(let collective):
      fields.append(("collective", .string(collective.kind.rawValue)))
      fields.append(("bytes", .number(collective.bytes)))
      if collective.wireShare != 1 { fields.append(("wire_share", .number(collective.wireShare))) }
      if !collective.isHierarchical { fields.append(("hierarchical", .bool(false))) }
      if collective.isPerRank { fields.append(("per_rank", .bool(true))) }
      if let table = collective.tableBytes { fields.append(("table_bytes", .number(table))) }
      if case .start = action { fields.append(("background", .bool(true))) }
    case .wait(let number): fields.append(("wait_for", .integer(number)))
    }
    return .object(fields)
  }
}

private struct WrittenFile: Decodable {
  let stages: [WrittenStage]
}

private struct WrittenStage: Decodable {
  let name: String
  let world_size: Int
  let loss_seconds_per_pair: Double
  let loss_seconds_per_pair_of_pairs: Double
  let loss_bytes_per_pair: Double
  let parameters: Int
  let trained_parameters: Int
  let sharded: Bool
  let other_bytes: Double
  let samples: [WrittenSample]

  func stage(_ path: String) throws -> StepModelFile.Stage {
    guard (1...2).contains(samples.count), world_size > 0,
      Set(samples.map(\.batch_size)).count == samples.count
    else { throw KelipError("a stage has one or two samples, of different batches", at: path) }
    let model = try StepModel(
      samples.map { try $0.sample(path) }, worldSize: world_size,
      loss: .init(
        secondsPerPair: loss_seconds_per_pair, secondsPerPairOfPairs: loss_seconds_per_pair_of_pairs,
        bytesPerPair: loss_bytes_per_pair),
      isSharded: sharded)
    let memory = ParameterMemory(
      count: parameters, trainedCount: trained_parameters, isSharded: sharded, otherBytes: other_bytes)
    return .init(name, StepPredictor(model, memory))
  }
}

private struct WrittenSample: Decodable {
  let batch_size: Int
  let activation_bytes: Double
  let tail_seconds: Double
  let events: [WrittenEvent]

  func sample(_ path: String) throws -> StepModel.Sample {
    guard batch_size > 0 else { throw KelipError("batch_size must be positive", at: path) }
    var startCount = 0
    let events = try events.map { try $0.event(path, &startCount) }
    return .init(
      batchSize: batch_size, trace: StepTrace(events: events, tailSeconds: tail_seconds),
      activationBytes: activation_bytes)
  }
}

private struct WrittenEvent: Decodable {
  let compute_seconds: Double
  let collective: String?
  let bytes: Double?
  let wire_share: Double?
  let hierarchical: Bool?
  let per_rank: Bool?
  let table_bytes: Double?
  let background: Bool?
  let wait_for: Int?

  func event(_ path: String, _ startCount: inout Int) throws -> StepTrace.Event {
    if let wait_for {
      guard (0..<startCount).contains(wait_for) else {
        throw KelipError("waits for collective \(wait_for), of \(startCount) started", at: path)
      }
      return .init(compute_seconds, .wait(wait_for))
    }
    guard let kind = collective.flatMap(Collective.Kind.init), let bytes, bytes >= 0 else {
      throw KelipError("an event without a collective and its bytes", at: path)
    }
    var called = Collective(kind, bytes: bytes)
    called.wireShare = wire_share ?? 1
    called.isHierarchical = hierarchical ?? true
    called.isPerRank = per_rank ?? false
    called.tableBytes = table_bytes
    guard background == true else { return .init(compute_seconds, .blocking(called)) }
    startCount += 1
    return .init(compute_seconds, .start(called))
  }
}
