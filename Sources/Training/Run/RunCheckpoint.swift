import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Optimization
import Tokenization
import Towers

/// What a checkpoint of a run holds beside the tensors.
package struct RunState: Codable, Sendable, Equatable {
  /// Steps taken, over all stages; the stream's whole state too.
  package var step: Int
  /// Steps of the stage whose update was applied, which the optimizer counts: those with a loss that was not finite are
  /// missing.
  package var updates: Int
  /// Pairs that all ranks together have trained on.
  package var samplesSeen: Int
  /// The ranks that wrote it; for people, any number may go on from it.
  package var worldSize: Int
  /// `ShardCatalogue.digest`; nil in checkpoints that were written before it was kept.
  package var shards: String?

  enum CodingKeys: String, CodingKey {
    case step, updates, shards
    case samplesSeen = "samples_seen"
    case worldSize = "world_size"
  }
}

/// Writes and reads the files of one checkpoint:
/// `model.safetensors` (outside names), `heads.safetensors` (what an objective trains beside the model, if it does),
/// `optimizer.safetensors` (`exp_avg.NAME`, `exp_avg_sq.NAME`, of what is trained), `state.json`, `model.json`
/// (open_clip's keys) and `tokenizer.json`, so that a checkpoint is usable on its own.
package enum RunCheckpoint {
  /// Writes the checkpoint of `state.step`, makes it the latest, and removes what is no longer kept. Called by every
  /// rank: parameters are equal on all, and the leader writes them; of a sharded optimizer's moments all have a part.
  package static func save(
    _ state: RunState, _ parameters: ParameterArena, _ optimizer: Optimizer, model: ModelConfig,
    _ tokenizer: any Tokenizer, in directory: CheckpointDirectory,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws {
    let moments = try MomentTransport(optimizer, communicator)
    let places = momentPlaces(optimizer, parameters)
    guard communicator.isLeader else {
      for place in places { try moments.collect(place.moment, place.parameter.range) { _ in } }
      return
    }
    let heads = parameters.declared.filter(\.isHead)
    try directory.write(step: state.step) { writer in
      try write(parameters.declared.filter { !$0.isHead }, "model.safetensors", to: writer)
      if !heads.isEmpty { try write(heads, headsName, to: writer) }
      try writer.safetensors("optimizer.safetensors", tensors: places.map(\.tensor)) { file in
        for place in places {
          try moments.collect(place.moment, place.parameter.range) { try file.append($0) }
        }
      }
      try writer.file("state.json", JSONEncoder().encode(state))
      try writer.file("model.json", ModelFile.json(model))
      try writer.file("tokenizer.json", tokenizer.json())
    }
  }

  package static let headsName = "heads.safetensors"

  private static func write(
    _ parameters: [Parameter], _ name: String, to writer: CheckpointWriter
  ) throws {
    let tensors = ParameterTensors(parameters)
    try writer.safetensors(name, tensors: tensors.tensors, metadata: ["format": "pt"]) {
      try tensors.append(to: $0)
    }
  }

  private static let momentNames = ["exp_avg", "exp_avg_sq"]

  /// A moment of one parameter, as its file names it.
  private struct MomentPlace {
    let name: String
    let moment: UnsafeMutableBufferPointer<Float>
    let parameter: Parameter

    var tensor: TensorSpec { TensorSpec("\(name).\(parameter.name)", .float32, parameter.shape) }
  }

  private static func momentPlaces(_ optimizer: Optimizer, _ parameters: ParameterArena) -> [MomentPlace] {
    parameters.declared.filter(\.isTrainable).flatMap { parameter in
      zip(momentNames, [optimizer.m, optimizer.v]).map {
        MomentPlace(name: $0, moment: $1, parameter: parameter)
      }
    }
  }

  /// Where the run of a checkpoint stood.
  package static func state(_ url: URL) throws -> RunState {
    let stateURL = url.appendingPathComponent("state.json")
    do {
      return try JSONDecoder().decode(RunState.self, from: Data(contentsOf: stateURL))
    } catch {
      throw KelipError("cannot read the run's state: \(error)", at: stateURL.path)
    }
  }

  /// Fills parameters and optimizer of every rank from what the leader reads; all ranks call it.
  ///
  /// - Parameter url: the checkpoint; the leader's counts.
  /// - Returns: where the run stood, on the leader.
  @discardableResult
  package static func load(
    _ url: URL?, into parameters: ParameterArena, _ optimizer: Optimizer,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws -> RunState? {
    let found = try communicator.onLeader {
      try loadWeights(url!, into: parameters)
      return try (
        SafetensorsReader(url!.appendingPathComponent("optimizer.safetensors")), state(url!)
      )
    }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(parameters.values), root: 0)
    let moments = try MomentTransport(optimizer, communicator)
    for place in momentPlaces(optimizer, parameters) {
      try moments.distribute(place.moment, place.parameter.range) {
        try found!.0.copyFloats(named: place.tensor.name, into: $0)
      }
    }
    let step = try communicator.allGather(found?.1.updates ?? 0)[0]
    optimizer.step = step
    return found?.1
  }

  private static func loadWeights(_ url: URL, into parameters: ParameterArena) throws {
    let heads = parameters.declared.filter(\.isHead)
    try WeightFile.load(
      url.appendingPathComponent("model.safetensors"), into: parameters.declared.filter { !$0.isHead })
    if !heads.isEmpty { try WeightFile.load(url.appendingPathComponent(headsName), into: heads) }
  }
}

extension Parameter {
  /// Its elements of the arena.
  fileprivate var range: Range<Int> { offset..<end }
}
