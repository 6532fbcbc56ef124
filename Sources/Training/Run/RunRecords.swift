import Basics
import Foundation
import RunService
import ShardStream

/// What each rank tells about a step.
struct RankReport: BitwiseCopyable {
  var dataSeconds: Double
  var computeSeconds: Double
  var communicationSeconds: Double
  var skippedCount: Int
  var wantsStop: Bool
  /// By this rank's clock; the leader's counts.
  var wantsSave: Bool
  var saving: SaveProgress
  var languages: LanguageLosses
}

extension [RankReport] {
  /// Of the global batch.
  var languageLosses: LanguageLosses { reduce(into: LanguageLosses()) { $0 += $1.languages } }
}

/// The leader's records of a run: `metrics.jsonl`, `samples.jsonl`, `quarantine.jsonl`, TensorBoard's event files, its
/// status for those who watch, and the live line.
final class RunRecords {
  private let metrics: JSONLinesFile
  private let quarantine: JSONLinesFile
  private let samples: JSONLinesFile?
  private let files: [JSONLinesFile]
  private let events: EventFile?
  private let status: RunStatus
  private let stageCount: Int
  private var progress: ProgressLine

  /// Lines after step `resumingAt` are dropped first: those steps are about to be run again.
  ///
  /// - Parameter report: is told of a disk that refuses lines.
  init(
    _ directory: RunDirectory, _ config: TrainConfig, resumingAt step: Int, _ status: RunStatus,
    report: @escaping @Sendable (String) -> Void
  ) throws {
    func open(_ url: URL, _ step: Int) throws -> JSONLinesFile {
      try JSONLinesFile(at: url, keepingThrough: step, report: report)
    }
    metrics = try open(directory.metrics, step)
    // What start-up finds (step 0) is written by the run's start and kept by those that go on from it.
    quarantine = try open(directory.quarantine, step == 0 ? -1 : step)
    samples = config.log.sampleKeys ? try open(directory.samples, step) : nil
    files = [metrics, quarantine] + (samples.map { [$0] } ?? [])
    self.status = status
    events =
      config.log.tensorBoard
      ? try EventFile(
        in: directory.tensorboard, firstStep: step + 1, wallTime: Date().timeIntervalSince1970, report: report
      )
      : nil
    stageCount = config.stages.count
    progress = ProgressLine(totalSteps: config.stageSettings.reduce(0) { $0 + $1.steps })
  }

  /// What waits until every line so far is on the disk.
  var synchronize: @Sendable () throws -> Void {
    { [files] in for file in files { try file.synchronize() } }
  }

  /// - Parameter keys: of the global batch, in order.
  func writeKeys(step: Int, _ keys: [String]) throws {
    try samples?.append(
      .object([("step", .integer(step)), ("keys", .array(keys.map(JSONText.string)))]))
  }

  func writeQuarantine(_ samples: [BadSample]) throws {
    for sample in samples { try quarantine.append(sample.line) }
  }

  /// What start-up found; for a run that begins.
  func writeQuarantine(_ findings: [ShardFinding]) throws {
    for finding in findings { try quarantine.append(finding.line) }
  }

  /// - Parameters:
  ///   - componentEpochs: of a mixture's components, see `GlobalOrder.componentEpochs`.
  ///   - validation: of this step, see `ValidationResult.fields`.
  func writeMetrics(
    _ state: RunState, stage: StagePlan, epoch: Int, componentEpochs: [(String, JSONText)],
    _ result: StepResult, _ reports: [RankReport], stepSeconds: Double,
    _ validation: [(String, JSONText)]
  ) throws {
    let busy = reports.map { $0.dataSeconds + $0.computeSeconds }
    let samplesPerSecond = Double(stage.settings.globalBatchSize) / stepSeconds
    let mixture: [(String, JSONText)] =
      componentEpochs.isEmpty ? [] : [("component_epochs", .object(componentEpochs))]
    let stageName: [(String, JSONText)] =
      stageCount > 1 ? [("stage", .string(stage.settings.kind.rawValue))] : []
    let fields: [(String, JSONText)] =
      [
        ("step", .integer(state.step)), ("epoch", .integer(epoch)),
        ("samples_seen", .integer(state.samplesSeen)),
        ("loss", .number(result.loss)),
      ] + (result.objective.terms + reports.languageLosses.terms).map { ($0.name, .number($0.value)) }
      + (result.objective.logitScale.map { [("logit_scale", .number($0))] } ?? []) + [
        ("lr", .number(result.lr)),
        ("grad_norm", .number(result.gradientNorm)), ("updated", .bool(result.updated)),
        ("samples_per_second", .number(samplesPerSecond)), ("step_seconds", .number(stepSeconds)),
        ("data_seconds", .number(reports.map(\.dataSeconds).max()!)),
        ("compute_seconds", .number(reports.map(\.computeSeconds).max()!)),
        ("communication_seconds", .number(reports.map(\.communicationSeconds).max()!)),
        ("skipped_samples", .integer(reports.reduce(0) { $0 + $1.skippedCount })),
        ("rank_skew_seconds", .number(busy.max()! - busy.min()!)),
      ] + stageName + mixture + validation
    try metrics.append(.object(fields))
    show(step: state.step, fields, reports)
    progress.show(
      done: state.step, loss: result.loss, samplesPerSecond: samplesPerSecond, stepSeconds: stepSeconds)
  }

  private func show(step: Int, _ fields: [(String, JSONText)], _ reports: [RankReport]) {
    let numbers = fields.dropFirst().compactMap { name, value -> (String, Double)? in
      switch value {
      case .integer(let count): (name, Double(count))
      case .number(let number): (name, number)
      default: nil
      }
    }
    events?.append(
      step: step, wallTime: Date().timeIntervalSince1970, scalars: numbers.map { (tag: $0.0, value: $0.1) })
    status.add(
      step: step, values: numbers.map { (name: $0.0, value: $0.1) },
      ranks: reports.map {
        RankTimes(
          dataSeconds: $0.dataSeconds, computeSeconds: $0.computeSeconds,
          communicationSeconds: $0.communicationSeconds)
      })
  }
}
