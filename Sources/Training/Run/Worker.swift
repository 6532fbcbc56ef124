import Basics
import Collectives
import Foundation
import Kernels
import Logging
import RunService

/// The launched worker, from its command line to its exit code; the same program on every rank.
package enum Worker {
  /// Every rank calls it; what one rank cannot read or refuses is thrown on all.
  ///
  /// - Parameter wrap: what is trained in place of a stage's own objective.
  /// - Returns: `.done`, or `.requeue` after a stop signal and a checkpoint.
  package static func run(
    _ options: WorkerOptions, _ communicator: any Communicator,
    wrap: @escaping (any TrainObjective) -> any TrainObjective = { $0 }
  ) throws -> ExitCode {
    StopSignal.install()
    let logger = RunLogHandler.logger(rank: communicator.rank)
    let config = try communicator.agree {
      try TrainConfig(contentsOf: options.configPath, overrides: options.overrides)
    }
    config.prepareStorage { logger.warning("\($0)") }
    let watch = try startWatch(config, communicator, logger)
    defer { watch?.stop() }
    let plan = try RunPlan(config, communicator)
    try plan.checkSame(on: communicator)
    Activity.advance()
    if communicator.isLeader { report(plan.stages.flatMap(\.catalogue.warnings), logger) }
    guard !options.dryRun else {
      logger.info("\(plan.summary)")
      logger.info("dry run: configuration, model, tokenizer and shards are in order")
      return .done
    }
    let start = try RunStart(plan, options, communicator)
    Activity.advance()
    try reportCompute(plan, communicator, logger)
    logger.info("\(plan.summary)")
    // The run's lock lives as long as `start`.
    return try withExtendedLifetime(start) {
      switch plan.config.precision {
      case .fp32: try StageSequence<Float>(plan, start, communicator, logger, wrap: wrap).run()
      case .bf16: try StageSequence<BFloat16>(plan, start, communicator, logger, wrap: wrap).run()
      }
    }
  }

  /// Every rank calls it.
  private static func startWatch(
    _ config: TrainConfig, _ communicator: any Communicator, _ logger: Logger
  ) throws -> RunWatch? {
    guard let limits = config.watch else { return nil }
    let directory = RunDirectory(config.runDirectory)
    var leaders: RunWatch?
    let address = try communicator.shareLeaders {
      let watch = try RunWatch(leading: directory, limits: limits, logger)
      leaders = watch
      return watch.address!
    }
    if let leaders { return leaders }
    let watch = RunWatch(
      following: address, rank: communicator.rank, in: directory, limits: limits, logger)
    RunLogHandler.forward { [weak watch] in watch?.log($0) }
    return watch
  }

  /// The first few: a data set that was changed as a whole has one for each shard.
  private static func report(_ warnings: [String], _ logger: Logger) {
    let shown = 5
    for warning in warnings.prefix(shown) { logger.warning("\(warning)") }
    if warnings.count > shown {
      logger.warning("… and \(warnings.count - shown) more: run `kelip data index` on data.train")
    }
  }

  /// Says what computes here and how fast; the slowest rank counts, since all wait for it.
  private static func reportCompute(
    _ plan: RunPlan, _ communicator: any Communicator, _ logger: Logger
  ) throws {
    let threads = plan.config.threadsPerRank
    let rates = (
      fp32: -(try communicator.max(-ComputeRuntime.measureRate(Float.self))),
      bf16: -(try communicator.max(-ComputeRuntime.measureRate(BFloat16.self)))
    )
    logger.info("\(ComputeRuntime.describe(threads: threads))")
    logger.info(
      "matrix products a rank (slowest of \(communicator.worldSize)): fp32 \(Int(rates.fp32)) GFLOP/s, bf16 \(Int(rates.bf16)) GFLOP/s; this run computes in \(plan.config.precision.rawValue)"
    )
    let rate = plan.config.precision == .fp32 ? rates.fp32 : rates.bf16
    if communicator.isLeader,
      let warning = ComputeRuntime.warning(
        precision: plan.config.precision, gigaflops: rate, threads: threads)
    {
      logger.warning("\(warning)")
    }
  }
}
