import Basics
import Checkpointing
import Collectives
import Foundation

/// How far a rank is with the checkpoint under way: a part of what the ranks tell each other after each step.
enum SaveProgress: UInt8, BitwiseCopyable {
  case idle
  case busy
  /// Its part has ended, well or not.
  case done
}

/// How a save ended; equal on all ranks.
struct SaveOutcome: Sendable {
  var step: Int
  /// The best step when it was saved.
  var best: BestStep?
  /// From the snapshot to the end.
  var seconds: Double
  /// What training waited for: the snapshot of the rank where it took longest.
  var stallSeconds: Double
  /// What writing took of a core beside training, on the rank where it took most.
  var processorSeconds = 0.0
  /// Why there is no checkpoint; nil for success.
  var failure: String?
  /// What went wrong after the checkpoint was there.
  var warning: String?
}

/// Saves a run's checkpoints while it goes on: at a step's end every rank copies its part, a thread of each rank writes
/// it, and when all have told so the leader's adds the manifest, names the checkpoint, points `latest` to it and removes
/// what is no longer kept.
///
/// Every rank makes the same calls. Ranks learn of each other's progress by `SaveProgress`, which travels with what they
/// tell of a step anyhow; so nobody waits, and all see the same state after the same step.
final class CheckpointSaver {
  private enum Phase {
    case idle
    case writing(BackgroundJob<[FileRecord]>)
    /// The leader's work; nil on other ranks.
    case committing(BackgroundJob<String?>?)
  }

  /// What a rank tells all others when its part is written.
  private struct Part: Codable {
    var stallSeconds: Double
    var processorSeconds: Double
    var files: [FileRecord] = []
    var failure: String?
  }

  /// What the leader tells when all is done.
  private struct Verdict: Codable {
    var failure: String?
    var warning: String?
  }

  private let directory: CheckpointDirectory
  private let snapshot: CheckpointSnapshot
  private let communicator: any Communicator
  private let token: String
  /// What must be on the disk before a checkpoint is named; the leader's.
  private let synchronizeRecords: @Sendable () throws -> Void
  private var phase = Phase.idle
  private var current = SaveOutcome(step: 0, seconds: 0, stallSeconds: 0)
  private var started = 0.0

  /// - Parameter token: no other process has used it for an unfinished checkpoint of this directory; equal on all ranks.
  init(
    _ snapshot: CheckpointSnapshot, _ directory: CheckpointDirectory, token: String,
    _ communicator: any Communicator, synchronizeRecords: @escaping @Sendable () throws -> Void = {}
  ) {
    (self.snapshot, self.directory, self.token) = (snapshot, directory, token)
    (self.communicator, self.synchronizeRecords) = (communicator, synchronizeRecords)
  }

  var isIdle: Bool { if case .idle = phase { true } else { false } }

  /// For the others.
  var progress: SaveProgress {
    switch phase {
    case .idle: .idle
    case .writing(let job): job.isDone ? .done : .busy
    case .committing(let job): job?.isDone ?? true ? .done : .busy
    }
  }

  private var partial: URL { directory.partial(step: current.step, writer: token) }

  /// Copies this rank's part, and starts to write it. The last save has ended.
  func begin(_ state: RunState) {
    precondition(isIdle, "two checkpoints at once")
    started = monotonicSeconds()
    snapshot.take(state)
    current = SaveOutcome(
      step: state.step, best: state.best, seconds: 0, stallSeconds: monotonicSeconds() - started)
    phase = .writing(
      BackgroundJob { [snapshot, partial] in
        try CheckpointDirectory.createFolder(partial)
        return try snapshot.write(into: partial)
      })
  }

  /// Takes the next step of a save when every rank is ready for it.
  ///
  /// - Parameter progress: of all ranks, in their order.
  /// - Returns: how the save ended, once.
  func advance(_ progress: [SaveProgress]) throws -> SaveOutcome? {
    guard progress.allSatisfy({ $0 == .done }) else { return nil }
    switch phase {
    case .idle: return nil
    case .writing(let job):
      try gather(job)
      return nil
    case .committing(let job):
      phase = .idle
      return try conclude(job)
    }
  }

  /// Waits until the save under way has ended.
  func finish() throws -> SaveOutcome? {
    while !isIdle {
      switch phase {
      case .writing(let job): _ = job.wait()
      case .committing(let job): _ = job?.wait()
      case .idle: break
      }
      let all = try communicator.allGather(progress.rawValue).map { SaveProgress(rawValue: $0)! }
      if let outcome = try advance(all) { return outcome }
    }
    return nil
  }

  private func gather(_ job: BackgroundJob<[FileRecord]>) throws {
    let result = job.wait()
    var mine = Part(stallSeconds: current.stallSeconds, processorSeconds: job.processorSeconds)
    switch result {
    case .success(let files): mine.files = files
    case .failure(let error): mine.failure = "\(error)"
    }
    let parts = try communicator.allGather(coding: mine)
    current.stallSeconds = parts.map(\.stallSeconds).max()!
    current.processorSeconds = parts.map(\.processorSeconds).max()!
    guard communicator.isLeader else { return phase = .committing(nil) }
    let failures = parts.enumerated().compactMap { rank, part in part.failure.map { "rank \(rank): \($0)" } }
    let files = parts.flatMap(\.files)
    let (directory, partial, step, best) = (directory, partial, current.step, current.best?.step)
    phase = .committing(
      BackgroundJob { [synchronizeRecords] in
        do {
          guard failures.isEmpty else { throw KelipError(failures.prefix(3).joined(separator: "; ")) }
          try synchronizeRecords()
          try directory.commit(partial, step: step, files)
        } catch {
          try? FileManager.default.removeItem(at: partial)
          throw error
        }
        do {
          if let best { try directory.publishBest(step: best) }
          try directory.prune(after: step, keeping: best)
        } catch {
          return "\(error)"
        }
        return nil
      })
  }

  private func conclude(_ job: BackgroundJob<String?>?) throws -> SaveOutcome {
    var mine = Verdict()
    switch job?.wait() {
    case .success(let warning): mine.warning = warning
    case .failure(let error): mine.failure = "\(error)"
    case nil: break
    }
    let verdict = try communicator.allGather(coding: mine)[0]
    (current.failure, current.warning) = (verdict.failure, verdict.warning)
    current.seconds = monotonicSeconds() - started
    return current
  }
}
