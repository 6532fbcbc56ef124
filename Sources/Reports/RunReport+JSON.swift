import Basics

extension RunReport {
  /// The figures for programs: of each run its state, last and best values, speed, and counts of incidents.
  package var json: JSONText {
    .object([("runs", .array(zip(runs, figures).map(Self.object)))])
  }

  private static func object(_ run: RunContents, _ figures: KeyFigures) -> JSONText {
    .object([
      ("directory", .string(run.path)), ("name", .string(run.name)), ("state", .string(run.stateText)),
      ("steps", .integer(run.metrics.lastStep ?? 0)), ("total_steps", whole(run.config.totalSteps)),
      ("parameters", whole(run.parameterCount)), ("ranks", whole(run.rankCount)),
      ("wall_seconds", run.wallSeconds.map(JSONText.number) ?? .null),
      ("figures", .object(figures.entries.map { ($0.key, entry($0)) })),
      ("throughput", throughput(run.metrics.pace)), ("incidents", incidents(run)),
      ("notes", .array(run.notes.map(JSONText.string))),
    ])
  }

  private static func whole(_ value: Int?) -> JSONText { value.map(JSONText.integer) ?? .null }

  private static func place(_ figure: Figure) -> JSONText {
    .object([("step", .integer(figure.step)), ("value", figure.value.map(JSONText.number) ?? .null)])
  }

  private static func entry(_ entry: KeyFigures.Entry) -> JSONText {
    .object([("last", place(entry.last)), ("best", entry.best.map(place) ?? .null)])
  }

  private static func throughput(_ pace: StepPaceSummary) -> JSONText {
    let rates = pace.samplesPerSecond([0.05, 0.5, 0.95])
    func rate(_ index: Int) -> JSONText { rates.map { .number($0[index]) } ?? .null }
    return .object([
      ("samples_per_second_p5", rate(0)), ("samples_per_second_median", rate(1)),
      ("samples_per_second_p95", rate(2)), ("step_seconds", .number(pace.stepSeconds)),
      ("data_seconds", .number(pace.dataSeconds)), ("compute_seconds", .number(pace.computeSeconds)),
      ("communication_seconds", .number(pace.communicationSeconds)),
    ])
  }

  private static func incidents(_ run: RunContents) -> JSONText {
    .object([
      ("updates_left_out", .integer(run.metrics.skippedCount)),
      ("rollbacks", .integer(run.log.rollbacks.count)),
      ("processes", .integer(run.log.sessions.count + run.log.unlistedSessionCount)),
      ("failed_saves", .integer(run.log.failedSaves.count)),
      ("warnings", .integer(run.log.warnings.count(.warning))),
      ("errors", .integer(run.log.warnings.count(.error) + run.log.warnings.count(.critical))),
      ("bad_samples", .integer(run.quarantine.sampleCount)),
    ])
  }
}
