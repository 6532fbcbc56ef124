import Basics
import Checkpointing
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
  /// Writes the checkpoint of `state.step`, makes it the latest, and removes what is no longer kept. Called by
  /// the leader alone: parameters and moments are equal on every rank.
  package static func save(
    _ state: RunState, _ parameters: ParameterArena, _ optimizer: Optimizer, model: ModelConfig,
    _ tokenizer: any Tokenizer, in directory: CheckpointDirectory
  ) throws {
    let heads = parameters.declared.filter(\.isHead)
    try directory.write(step: state.step) { writer in
      try write(parameters.declared.filter { !$0.isHead }, "model.safetensors", to: writer)
      if !heads.isEmpty { try write(heads, headsName, to: writer) }
      try writeMoments(optimizer, parameters.declared.filter(\.isTrainable), to: writer)
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

  private static func writeMoments(
    _ optimizer: Optimizer, _ parameters: [Parameter], to writer: CheckpointWriter
  ) throws {
    let places = parameters.flatMap { parameter in
      zip(momentNames, [optimizer.m, optimizer.v]).map { (name: $0, moments: $1, parameter: parameter) }
    }
    let tensors = places.map { TensorSpec("\($0.name).\($0.parameter.name)", .float32, $0.parameter.shape) }
    try writer.safetensors("optimizer.safetensors", tensors: tensors) { file in
      for place in places {
        let range = place.parameter.offset..<place.parameter.end
        try file.append(UnsafeBufferPointer(rebasing: place.moments[range]))
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

  /// Fills parameters and optimizer and says where the run stood.
  package static func load(
    _ url: URL, into parameters: ParameterArena, _ optimizer: Optimizer
  ) throws -> RunState {
    let heads = parameters.declared.filter(\.isHead)
    try WeightFile.load(
      url.appendingPathComponent("model.safetensors"), into: parameters.declared.filter { !$0.isHead })
    if !heads.isEmpty { try WeightFile.load(url.appendingPathComponent(headsName), into: heads) }
    let moments = try SafetensorsReader(url.appendingPathComponent("optimizer.safetensors"))
    for parameter in parameters.declared where parameter.isTrainable {
      for (name, target) in zip(momentNames, [optimizer.m, optimizer.v]) {
        let range = parameter.offset..<parameter.end
        try moments.copyFloats(
          named: "\(name).\(parameter.name)", into: UnsafeMutableBufferPointer(rebasing: target[range]))
      }
    }
    let state = try state(url)
    optimizer.step = state.updates
    return state
  }
}
