import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Optimization
import Tokenization
import Towers

/// A step with what its model is worth, see `ValidationResult.score`.
struct BestStep: Codable, Sendable, Equatable {
  var step: Int
  var score: Double
}

/// What a checkpoint of a run holds beside the tensors.
package struct RunState: Codable, Sendable, Equatable {
  /// Steps taken, over all stages; the stream's whole state too.
  package var step: Int
  /// Steps of the stage whose update was applied, which the optimizer counts: those with a loss that was not finite are
  /// missing.
  package var updates: Int
  /// Pairs that all ranks together have trained on.
  package var samplesSeen: Int
  /// Batches of the stage's order that were left out by rollbacks: so far the data is ahead of the steps.
  package var skippedBatches = 0
  /// What is known of the stage's losses.
  var lossWatch = LossWatch()
  /// The step whose model has validated best so far; nil where nobody looks.
  var best: BestStep?
  /// The ranks that wrote it; for people, any number may go on from it.
  package var worldSize: Int
  /// `ShardCatalogue.digest`; nil in checkpoints that were written before it was kept.
  package var shards: String?

  enum CodingKeys: String, CodingKey {
    case step, updates, best, shards
    case samplesSeen = "samples_seen"
    case skippedBatches = "skipped_batches"
    case lossWatch = "loss_watch"
    case worldSize = "world_size"
  }

  package init(step: Int, updates: Int, samplesSeen: Int, worldSize: Int, shards: String? = nil) {
    (self.step, self.updates, self.samplesSeen) = (step, updates, samplesSeen)
    (self.worldSize, self.shards) = (worldSize, shards)
  }

  /// The leader's on every rank.
  static func shared(
    from communicator: any Communicator, _ leaders: () throws -> RunState
  ) throws -> RunState {
    var state = try communicator.shareLeaders(leaders)
    state.worldSize = communicator.worldSize
    return state
  }
}

/// Reads the files of one checkpoint: `model.safetensors` (outside names), `heads.safetensors` (what an objective trains
/// beside the model, if it does), `optimizer-00001-of-0000N.safetensors` (`exp_avg.NAME`, `exp_avg_sq.NAME` of what is
/// trained, each rank's part), `state.json`, `model.json` (open_clip's keys) and `tokenizer.json`, so that a checkpoint
/// is usable on its own. `CheckpointSnapshot` writes them.
package enum RunCheckpoint {
  package static let headsName = "heads.safetensors"

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
      return try (MomentFiles(url!), state(url!))
    }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(parameters.values), root: 0)
    for parameter in parameters.declared where parameter.isTrainable {
      for moment in Moment.allCases {
        try distribute(moment, of: parameter, optimizer, communicator) {
          try found!.0.read(moment, of: parameter, into: $0)
        }
      }
    }
    let step = try communicator.allGather(found?.1.updates ?? 0)[0]
    optimizer.step = step
    return found?.1
  }

  /// Fills a parameter's moment wherever it is owned, from what `read` gives the leader.
  private static func distribute(
    _ moment: Moment, of parameter: Parameter, _ optimizer: Optimizer, _ communicator: any Communicator,
    _ read: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws {
    let whole = UnsafeMutableBufferPointer<Float>.allocate(capacity: parameter.count)
    defer { whole.deallocate() }
    whole.initialize(repeating: 0)
    try communicator.onLeader { try read(whole) }
    try communicator.broadcast(UnsafeMutableRawBufferPointer(whole), root: 0)
    let target = moment.values(of: optimizer).baseAddress!
    optimizer.forEachOwned(in: parameter.elements) { part, place in
      (target + place).update(
        from: whole.baseAddress! + part.lowerBound - parameter.offset, count: part.count)
    }
  }

  private static func loadWeights(_ url: URL, into parameters: ParameterArena) throws {
    let heads = parameters.declared.filter(\.isHead)
    try WeightFile.load(
      url.appendingPathComponent("model.safetensors"), into: parameters.declared.filter { !$0.isHead })
    if !heads.isEmpty { try WeightFile.load(url.appendingPathComponent(headsName), into: heads) }
  }
}
