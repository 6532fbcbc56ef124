import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Optimization
import Tokenization
import Towers

/// What a rank writes of a checkpoint, as it stood at the end of a step: its part of the moments, and on the leader all
/// weights. It has memory of its own, laid out as the files, so that training goes on while they are written.
final class CheckpointSnapshot: @unchecked Sendable {
  // Safe to share: `take` is called while nothing writes, and `write` reads only.
  private let parameters: ParameterArena
  private let optimizer: Optimizer
  /// In the order of their tensors in the file.
  private let moments: [(moment: Moment, piece: MomentPieces.Piece)]
  private let momentFile: (name: String, image: SafetensorsImage)
  /// The leader's: weights of the model, and of what an objective trains beside it.
  private let weightFiles: [(name: String, tensors: ParameterTensors, image: SafetensorsImage)]
  /// What the leader adds as it is, so that a checkpoint is usable on its own.
  private let files: [(name: String, content: Data)]
  private let isLeader: Bool
  private var state: RunState?

  init(
    _ parameters: ParameterArena, _ optimizer: Optimizer, model: ModelConfig, _ tokenizer: any Tokenizer,
    _ communicator: any Communicator
  ) throws {
    (self.parameters, self.optimizer) = (parameters, optimizer)
    files =
      communicator.isLeader
      ? [
        (name: "model.json", content: try ModelFile.json(model)),
        (name: "tokenizer.json", content: tokenizer.json()),
      ] : []
    let (rank, worldSize) = (communicator.rank, communicator.worldSize)
    isLeader = communicator.isLeader
    let pieces = MomentPieces(optimizer, parameters, rank: rank, worldSize: worldSize).pieces
    let moments = Moment.allCases.flatMap { moment in pieces.map { (moment: moment, piece: $0) } }
    self.moments = moments
    momentFile = (
      name: MomentPieces.fileName(rank: rank, worldSize: worldSize),
      image: SafetensorsImage(tensors: moments.map { $0.piece.tensor($0.moment) })
    )
    weightFiles = isLeader ? Self.weightFiles(parameters.declared) : []
  }

  private static func weightFiles(
    _ declared: [Parameter]
  ) -> [(name: String, tensors: ParameterTensors, image: SafetensorsImage)] {
    let model = declared.filter { !$0.isHead }
    let heads = declared.filter(\.isHead)
    return [("model.safetensors", model), (RunCheckpoint.headsName, heads)].filter { !$0.1.isEmpty }.map {
      let tensors = ParameterTensors($0.1)
      let image = SafetensorsImage(tensors: tensors.tensors, metadata: ["format": "pt"])
      return (name: $0.0, tensors: tensors, image: image)
    }
  }

  /// Copies what is to be written; the only part that training waits for.
  func take(_ state: RunState) {
    self.state = state
    for (_, tensors, image) in weightFiles { tensors.copy(into: image) }
    for (index, (moment, piece)) in moments.enumerated() {
      let values = moment.values(of: optimizer)[piece.place..<piece.place + piece.range.count]
      copyBlock(
        UnsafeBufferPointer(rebasing: values),
        to: momentFile.image.tensor(index).assumingMemoryBound(to: Float.self))
    }
  }

  /// Writes this rank's files of the last snapshot; they are on the disk when this returns.
  func write(into folder: URL) throws -> [FileRecord] {
    var records: [FileRecord] = []
    if isLeader {
      for (name, content) in files + [("state.json", try JSONEncoder().encode(state!))] {
        records.append(try CheckpointFile.write(name, in: folder) { try $0.write(content) })
      }
    }
    for (name, _, image) in weightFiles { records.append(try image.write(name, in: folder)) }
    records.append(try momentFile.image.write(momentFile.name, in: folder))
    return records
  }
}
