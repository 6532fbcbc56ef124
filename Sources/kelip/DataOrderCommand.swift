import ArgumentParser
import Basics
import ProgramEntry
import ShardStream
import Training

/// `kelip data order`: which samples stand in which batch, and whether the shuffle is what it should be.
struct DataOrder: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "order",
    abstract: "Show the order in which a run sees its samples, and test it.",
    discussion: """
      Takes the shards and settings of a run's configuration, or shards of its own, or the sizes of shards that need \
      not exist. Samples are shown as SHARD:NUMBER, counted from 0 in the list of shards; with several components as \
      NAME/SHARD:NUMBER.

      --check tests sampled windows, epochs and batches against uniformly random shuffles; the exit status is 1 when \
      a test fails.
      """)

  @OptionGroup var plan: OrderPlanOptions

  @Option(help: "Begin at this step (counted from 0).")
  var step: Int?

  @Option(help: "Begin with this epoch (counted from 0).")
  var epoch: Int?

  @Option(help: "How many batches to show; 1, or none with --check.")
  var steps: Int?

  @Option(help: "Ranks that share a batch.")
  var ranks: Int = 1

  @Option(help: "Show the slice of this rank alone.")
  var rank: Int?

  @Flag(help: "Show the samples' keys.")
  var keys = false

  @Flag(help: "Test the order.")
  var check = false

  @Option(help: "Windows to test.")
  var windows: Int = 64

  @Option(help: "Batches to test.")
  var batches: Int = 8

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard step == nil || epoch == nil else { throw ValidationError("give --step or --epoch, not both") }
    guard [step, epoch, steps].allSatisfy({ ($0 ?? 0) >= 0 }), windows >= 0, batches >= 0 else {
      throw ValidationError("--step, --epoch, --steps, --windows and --batches count from 0")
    }
    guard ranks > 0, rank.map((0..<ranks).contains) ?? true else {
      throw ValidationError("--rank is one of 0 to --ranks less 1")
    }
    guard !keys || plan.synthetic == nil else {
      throw ValidationError("--keys needs shards that exist, not --synthetic")
    }
  }

  func run() throws {
    Program.run { communicator in
      let loaded = try plan.load(communicator)
      guard communicator.isLeader else { return .done }
      var report = OrderReport(loaded)
      let first = try firstStep(loaded.order)
      try report.addBatches(
        from: first, count: steps ?? (check ? 0 : 1), ranks: ranks, rank: rank, keys: keys)
      if check {
        try report.addSlices(step: first, ranks: ranks)
        report.check(epoch: loaded.order.epoch(step: first), windows: windows, batches: batches)
      }
      print(json ? report.json.text : report.text)
      return report.passed ? .done : .checkFailed
    }
  }

  private func firstStep(_ order: GlobalOrder) throws -> Int {
    let last = order.largestStep - (steps ?? 1)
    if let step, step > last {
      throw KelipError("there is no step \(step)", at: "--step", hint: "up to \(last)")
    }
    guard let epoch else { return step ?? 0 }
    guard epoch <= order.epoch(step: last) else {
      throw KelipError("there is no epoch \(epoch)", at: "--epoch", hint: "up to \(order.epoch(step: last))")
    }
    return order.firstStep(ofEpoch: epoch)
  }
}
