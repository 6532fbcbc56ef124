import Basics
import Foundation
import RunService

/// A run's status as `/status.json` has it. Times are seconds; moments are seconds since 1970; what is not known is
/// `null`.
enum StatusJSON {
  /// - Parameters:
  ///   - step: curves have their points after it; 0 for whole curves.
  ///   - evaluation: see `EvaluationFiles.versions`.
  static func text(
    _ run: RunSnapshot, since step: Int, evaluation: (results: String?, picture: String?)
  ) -> String {
    JSONText.object([
      ("step", .integer(run.step)), ("now", .number(Date().timeIntervalSince1970)),
      ("last_step_time", .optional(run.lastStepTime)),
      ("outcome", run.outcome.map(JSONText.string) ?? .null),
      ("seconds_per_step", .optional(run.secondsPerStep)),
      ("samples_per_second", .optional(run.samplesPerSecond)),
      ("seconds_left", .optional(run.secondsLeft)),
      ("run", run.facts.map(facts) ?? .null),
      ("ranks", ranks(run)),
      ("checkpoints", .array(run.checkpoints.map(checkpoint))),
      ("saved_count", .integer(run.savedCount)), ("failed_save_count", .integer(run.failedSaveCount)),
      ("incidents", .array(run.incidents.map(incident))),
      (
        "evaluation",
        .object([
          ("results", evaluation.results.map(JSONText.string) ?? .null),
          ("picture", evaluation.picture.map(JSONText.string) ?? .null),
        ])
      ),
      ("since", .integer(step)),
      ("series", .array(run.curves.map { series($0.name, $0.curve, since: step) })),
    ]).text
  }

  private static func facts(_ facts: RunFacts) -> JSONText {
    .object([
      ("name", .string(facts.name)), ("directory", .string(facts.directory)),
      ("model", .string(facts.model)), ("rank_count", .integer(facts.rankCount)),
      ("hosts", .array(facts.hosts.map(JSONText.string))),
      ("global_batch_size", .integer(facts.globalBatchSize)),
      ("total_steps", .integer(facts.totalSteps)), ("stages", .array(facts.stages.map(JSONText.string))),
      ("start_time", .number(facts.startTime)), ("resumed_at_step", .integer(facts.resumedAtStep)),
    ])
  }

  private static func ranks(_ run: RunSnapshot) -> JSONText {
    let times = run.rankTimes
    func list(_ value: (RankTimes) -> Double) -> JSONText { .array(times.map { .short(value($0)) }) }
    return .object([
      ("data_seconds", list(\.dataSeconds)), ("compute_seconds", list(\.computeSeconds)),
      ("communication_seconds", list(\.communicationSeconds)),
      ("skew_seconds", .short(run.skewSeconds)),
      ("slowest", run.slowestRank.map(JSONText.integer) ?? .null),
    ])
  }

  private static func checkpoint(_ checkpoint: (event: CheckpointEvent, time: Double)) -> JSONText {
    .object([
      ("step", .integer(checkpoint.event.step)), ("time", .number(checkpoint.time)),
      ("seconds", .short(checkpoint.event.seconds)),
      ("stall_seconds", .short(checkpoint.event.stallSeconds)),
      ("failure", checkpoint.event.failure.map(JSONText.string) ?? .null),
    ])
  }

  private static func incident(_ incident: Incident) -> JSONText {
    .object([
      ("step", .integer(incident.step)), ("time", .number(incident.time)),
      ("level", .string(incident.level.rawValue)), ("text", .string(incident.text)),
    ])
  }

  private static func series(_ name: String, _ curve: Curve, since step: Int) -> JSONText {
    let points = curve.points(after: step)
    return .object([
      ("name", .string(name)), ("newest", .optional(curve.newest?.value)),
      ("steps", .array(points.map { .integer($0.step) })),
      ("values", .array(points.map { .short($0.value) })),
    ])
  }
}

extension JSONText {
  fileprivate static func optional(_ value: Double?) -> JSONText { value.map(JSONText.number) ?? .null }

  /// Six digits: more than a screen shows.
  fileprivate static func short(_ value: Double) -> JSONText {
    guard value.isFinite, value != 0, abs(value) < 1e5 else { return .number(value) }
    let scale = pow(10, 5 - floor(log10(abs(value))))
    return .number((value * scale).rounded() / scale)
  }
}
