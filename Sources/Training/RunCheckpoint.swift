import Basics
import Checkpointing
import Foundation
import Kernels
import Optimization
import Tokenization
import Towers

/// What a checkpoint of a run holds beside the tensors.
package struct RunState: Codable, Sendable, Equatable {
  /// Updates done; the stream's whole state too.
  package var step: Int
  package var samplesSeen: Int
  package var worldSize: Int

  enum CodingKeys: String, CodingKey {
    case step
    case samplesSeen = "samples_seen"
    case worldSize = "world_size"
  }
}

/// Writes and reads the files of one checkpoint:
/// `model.safetensors` (outside names), `optimizer.safetensors` (`exp_avg.NAME`, `exp_avg_sq.NAME`), `state.json`,
/// `model.json` (open_clip's keys) and `tokenizer.json`, so that a checkpoint is usable on its own.
package enum RunCheckpoint {
  package static func save<S: ComputeScalar>(
    _ state: RunState, _ model: DualEncoder<S>, _ optimizer: AdamW, _ tokenizer: BytePairTokenizer,
    in directory: CheckpointDirectory
  ) throws {
    // The arena lies in backward order; a reader expects the first layer first.
    let parameters = model.parameters.parameters.reversed()
    try directory.write(step: state.step) { writer in
      try writer.addSafetensors(
        "model.safetensors", parameters.map { Tensor(name: $0.name, shape: $0.shape, floats: $0.value) },
        metadata: ["format": "pt"])
      try writer.addSafetensors(
        "optimizer.safetensors",
        parameters.flatMap { parameter in
          [("exp_avg", optimizer.m), ("exp_avg_sq", optimizer.v)].map { prefix, moments in
            Tensor(
              name: "\(prefix).\(parameter.name)", shape: parameter.shape,
              floats: moments.baseAddress! + parameter.offset)
          }
        })
      try writer.add("state.json", JSONEncoder().encode(state))
      try writer.add("model.json", ModelFile.json(model.config))
      try writer.add("tokenizer.json", tokenizer.json())
    }
  }

  /// Fills parameters and optimizer and says where the run stood.
  package static func load<S: ComputeScalar>(
    _ url: URL, into model: DualEncoder<S>, _ optimizer: AdamW
  ) throws -> RunState {
    let arena = model.parameters
    try WeightFile.load(url.appendingPathComponent("model.safetensors"), into: arena)
    let moments = try SafetensorsReader(contentsOf: url.appendingPathComponent("optimizer.safetensors"))
    for parameter in arena.parameters {
      for (prefix, target) in [("exp_avg", optimizer.m), ("exp_avg_sq", optimizer.v)] {
        let range = parameter.offset..<parameter.end
        try moments.read("\(prefix).\(parameter.name)", into: UnsafeMutableBufferPointer(rebasing: target[range]))
      }
    }
    let stateURL = url.appendingPathComponent("state.json")
    do {
      let state = try JSONDecoder().decode(RunState.self, from: Data(contentsOf: stateURL))
      optimizer.step = state.step
      return state
    } catch {
      throw KelipError("cannot read the run's state: \(error)", at: stateURL.path)
    }
  }
}
