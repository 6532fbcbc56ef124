import Basics
import Checkpointing
import Collectives
import Foundation
import Kernels
import Optimization
import Tokenization
import Towers

/// What a rank writes of a checkpoint, as it stood at the end of a step. It has memory of its own, so that training goes
/// on while it is written: the rank's part of the moments, and on the leader all weights.
final class CheckpointSnapshot: @unchecked Sendable {
  // Safe to share: `take` is called while nothing writes, and `write` reads only. Parameters give names and shapes.
  private let parameters: ParameterArena
  private let optimizer: Optimizer
  private let moments: MomentPieces
  private let rank: Int
  private let worldSize: Int
  /// Empty on other ranks than the leader.
  private let values: UnsafeMutableBufferPointer<Float>
  private let copies: [Moment: UnsafeMutableBufferPointer<Float>]
  private let files: [(name: String, content: Data)]
  private var state: RunState?

  /// - Parameter files: what the leader adds as it is.
  init(
    _ parameters: ParameterArena, _ optimizer: Optimizer, files: [(name: String, content: Data)],
    _ communicator: any Communicator
  ) {
    (self.parameters, self.optimizer, self.files) = (parameters, optimizer, files)
    (rank, worldSize) = (communicator.rank, communicator.worldSize)
    moments = MomentPieces(optimizer, parameters, rank: rank, worldSize: worldSize)
    values = Self.memory(communicator.isLeader ? parameters.count : 0)
    let count = moments.places.count
    copies = Dictionary(uniqueKeysWithValues: Moment.allCases.map { ($0, Self.memory(count)) })
  }

  deinit {
    for block in [values] + copies.values { releasePages(block) }
  }

  /// Touched now, so that the first save takes no longer than others.
  private static func memory(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    let block = hugePages(count)
    clear(block)
    return block
  }

  /// Copies what is to be written; the only part that training waits for.
  func take(_ state: RunState) {
    self.state = state
    if rank == 0 { copyBlock(UnsafeBufferPointer(parameters.values), to: values) }
    for (moment, copy) in copies {
      copyBlock(UnsafeBufferPointer(rebasing: moment.values(of: optimizer)[moments.places]), to: copy)
    }
  }

  /// Writes this rank's files of the last snapshot; they are on the disk when this returns.
  func write(into folder: URL) throws -> [FileRecord] {
    var records: [FileRecord] = []
    if rank == 0 {
      for (name, content) in files + [("state.json", try JSONEncoder().encode(state!))] {
        records.append(try CheckpointWriter.write(name, in: folder) { try $0.write(content) })
      }
      records.append(try write(parameters.declared.filter { !$0.isHead }, "model.safetensors", folder))
      let heads = parameters.declared.filter(\.isHead)
      if !heads.isEmpty { records.append(try write(heads, RunCheckpoint.headsName, folder)) }
    }
    records.append(try writeMoments(folder))
    return records
  }

  private func write(_ parameters: [Parameter], _ name: String, _ folder: URL) throws -> FileRecord {
    let tensors = ParameterTensors(parameters)
    return try CheckpointWriter.writeSafetensors(
      name, in: folder, tensors: tensors.tensors, metadata: ["format": "pt"]
    ) { try tensors.append(from: UnsafeBufferPointer(values), to: $0) }
  }

  private func writeMoments(_ folder: URL) throws -> FileRecord {
    let tensors = Moment.allCases.flatMap { moment in moments.pieces.map { (moment: moment, piece: $0) } }
    return try CheckpointWriter.writeSafetensors(
      MomentPieces.fileName(rank: rank, worldSize: worldSize), in: folder,
      tensors: tensors.map { $0.piece.tensor($0.moment) }
    ) { file in
      for (moment, piece) in tensors {
        let start = piece.place - moments.places.lowerBound
        try file.append(UnsafeBufferPointer(rebasing: copies[moment]![start..<start + piece.range.count]))
      }
    }
  }
}
