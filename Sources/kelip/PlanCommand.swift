import ArgumentParser
import Basics
import Benchmarks
import Charts
import Collectives
import Foundation
import Planning
import ProgramEntry
import Training

/// `kelip plan`: what a run will take on a cluster.
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predict step time, memory, throughput, cost and scaling of a run on a cluster.",
    discussion: """
      Compute is measured here, one rank on one core; under `mpirun -n R` on R ranks at once, as they share a \
      machine. Communication comes from a cost model, calibrated by files of `kelip bench collectives --json`.
      """)

  @Option(help: "Configuration of the run.", completion: .file()) var config: String
  @Option(name: .customLong("set"), help: "key=value, over the configuration's.") var overrides: [String] = []
  @Option(help: "Machines.") var nodes: Int
  @Option(help: "Ranks a machine.") var ranksPerNode: Int
  @Option(help: "The network's rate, in Gbit/s a machine and direction.") var bandwidth: Double
  @Option(help: "The network's latency, in µs.") var latency: Double
  @Option(help: "Measured collectives: one machine's, several machines', or both.", completion: .file())
  var collectives: [String] = []
  @Option(help: "Measured steps in place of measuring: --save-step's file, or that of bench step --json.")
  var step: String?
  @Option(help: "Keep the measured steps in this file.") var saveStep: String?
  @Option(help: "Pairs a rank in measured steps; the run's own up to 32 unless told.") var measureBatch: Int?
  @Option(help: "Measured steps of each batch.") var steps: Int = 3
  @Option(help: "Tokens of a caption, on average; the model's context_length unless told.") var tokens: Int?
  @Option(help: "Seconds on the cluster's core for a second on this one.") var computeScale: Double = 1
  @Option(help: "Write the scaling curves to this PNG.", completion: .file()) var picture: String?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard nodes > 0, ranksPerNode > 0, steps > 0, measureBatch ?? 1 > 0 else {
      throw ValidationError("counts must be at least 1")
    }
    guard bandwidth > 0, latency >= 0, computeScale > 0 else {
      throw ValidationError("rates must be positive")
    }
  }

  func run() throws {
    Program.run { communicator in
      let config = try TrainConfig(contentsOf: config, overrides: overrides)
      let measured = try measuredStages(config, communicator)
      guard communicator.isLeader else { return .done }
      if let saveStep {
        try AtomicFile.write(Array((measured.json.text + "\n").utf8), to: URL(fileURLWithPath: saveStep))
      }
      let (cluster, calibration) = try cluster()
      let report = PlanReport(
        config, measured, cluster, calibration: calibration, computeScale: computeScale)
      if let picture { try report.draw(to: URL(fileURLWithPath: picture), config: self.config) }
      if json { print(report.json.text) } else { report.show() }
      return .done
    }
  }

  private func measuredStages(
    _ config: TrainConfig, _ communicator: any Communicator
  ) throws -> StepModelFile {
    if let step, let file = try? StepModelFile(contentsOf: step) { return try matching(file, config) }
    let model = try ModelFile.load(config.modelPath)
    let probe = try StepProbe(
      config: config, model: model, tokens: tokens ?? model.text.contextLength,
      batchSizes: batchSizes(config), steps: steps)
    let measured = try probe.run(communicator)
    return try step.map { try measured.scaled(to: StepTiming(contentsOf: $0), from: $0) } ?? measured
  }

  private func matching(_ file: StepModelFile, _ config: TrainConfig) throws -> StepModelFile {
    let names = config.stages.map(\.rawValue)
    guard file.stages.map(\.name) == names else {
      throw KelipError(
        "measured stages \(file.stages.map(\.name).joined(separator: ", ")), the run has "
          + names.joined(separator: ", "), at: step, hint: "measure again with this configuration")
    }
    return file
  }

  /// Two, so that what a step costs whatever its batch is told from what each pair costs. With micro-batches, both
  /// are whole numbers of them.
  private func batchSizes(_ config: TrainConfig) -> [Int] {
    let own = max(1, config.globalBatchSize / (nodes * ranksPerNode))
    if let micro = config.microBatchSize, micro < own { return [2 * micro, 3 * micro] }
    let largest = measureBatch ?? min(32, own)
    return largest > 1 ? [(largest + 1) / 2, largest] : [1, 2]
  }

  private func cluster() throws -> (Cluster, Calibration.Found) {
    let timings = try collectives.map { try CollectiveTiming(contentsOf: $0) }
    let stated = Cluster(
      nodes: nodes, ranksPerNode: ranksPerNode,
      network: Link(gigabitsPerSecond: bandwidth, microseconds: latency))
    return Calibration().apply(timings, to: stated)
  }
}
