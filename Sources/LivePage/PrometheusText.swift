import Foundation
import RunService

/// A run's numbers in Prometheus' text format 0.0.4. Names and numbers only: no text of the run (captions, paths, log
/// lines) gets into it.
enum PrometheusText {
  static func text(_ run: RunSnapshot) -> String {
    var page = Page()
    addProgress(run, to: &page)
    addHistory(run, to: &page)
    addRanks(run.rankTimes, to: &page)
    for (name, curve) in run.curves {
      guard let newest = curve.newest else { continue }
      let plain = sanitised(name)
      page.add("kelip_\(plain)", "\(plain) of the last step, as in metrics.jsonl", [([], newest.value)])
    }
    return page.text
  }

  private static func addProgress(_ run: RunSnapshot, to page: inout Page) {
    page.add("kelip_step", "Updates done", [([], Double(run.step))])
    page.add("kelip_training", "1 while training goes on", [([], run.outcome == nil ? 1 : 0)])
    if let facts = run.facts {
      page.add("kelip_total_steps", "Updates of the whole run", [([], Double(facts.totalSteps))])
      page.add("kelip_ranks", "Ranks", [([], Double(facts.rankCount))])
      page.add("kelip_hosts", "Machines", [([], Double(facts.hosts.count))])
      page.add("kelip_global_batch_size", "Pairs a step, all ranks", [([], Double(facts.globalBatchSize))])
      page.add("kelip_start_time_seconds", "When this process began, since 1970", [([], facts.startTime)])
      page.add("kelip_resumed_at_step", "Step it was resumed at", [([], Double(facts.resumedAtStep))])
    }
    page.add("kelip_last_step_time_seconds", "When the last step ended, since 1970", run.lastStepTime)
    page.add("kelip_pace_seconds", "Seconds from step to step by the clock", run.secondsPerStep)
    page.add("kelip_pace_samples_per_second", "Pairs a second by the clock", run.samplesPerSecond)
    page.add("kelip_left_seconds", "Expected time until the last step", run.secondsLeft)
  }

  private static func addHistory(_ run: RunSnapshot, to page: inout Page) {
    page.add(
      "kelip_checkpoints_total", "Checkpoints by result, of this process",
      [
        ([("result", "saved")], Double(run.savedCount)),
        ([("result", "failed")], Double(run.failedSaveCount)),
      ], type: "counter")
    if let last = run.checkpoints.last(where: { $0.event.failure == nil }) {
      page.add("kelip_checkpoint_step", "Step of the last checkpoint", [([], Double(last.event.step))])
      page.add("kelip_checkpoint_time_seconds", "When it ended, since 1970", [([], last.time)])
      page.add("kelip_checkpoint_seconds", "How long it took", [([], last.event.seconds)])
      page.add("kelip_checkpoint_stall_seconds", "How long training waited", [([], last.event.stallSeconds)])
    }
    page.add(
      "kelip_incidents_total", "Incidents by level, of this process",
      IncidentLevel.allCases.map {
        ([("level", $0.rawValue)], Double(run.incidentCounts[$0] ?? 0))
      }, type: "counter")
  }

  private static func addRanks(_ ranks: [RankTimes], to page: inout Page) {
    let parts: [(String, (RankTimes) -> Double)] = [
      ("data", \.dataSeconds), ("compute", \.computeSeconds), ("communication", \.communicationSeconds),
    ]
    page.add(
      "kelip_rank_seconds", "Where a step's time goes on each rank, averaged over ten steps",
      ranks.enumerated().flatMap { rank, times in
        parts.map { ([("rank", "\(rank)"), ("part", $0.0)], $0.1(times)) }
      })
  }

  private static func sanitised(_ name: String) -> String {
    String(
      name.unicodeScalars.map {
        $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil) ? Character($0) : "_"
      })
  }

  /// Each name once, with its help and type before its samples.
  private struct Page {
    typealias Sample = (labels: [(String, String)], value: Double)
    private(set) var text = ""
    private var names: Set<String> = []

    mutating func add(_ name: String, _ help: String, _ value: Double?) {
      if let value { add(name, help, [([], value)]) }
    }

    mutating func add(_ name: String, _ help: String, _ samples: [Sample], type: String = "gauge") {
      guard !samples.isEmpty, names.insert(name).inserted else { return }
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
      for sample in samples {
        let labels = sample.labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
        text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(sample.value))\n"
      }
    }

    private static func number(_ value: Double) -> String {
      if value.isNaN { return "NaN" }
      return value.isInfinite ? (value > 0 ? "+Inf" : "-Inf") : "\(value)"
    }
  }
}
