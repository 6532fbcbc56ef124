import ArgumentParser
import Basics
import Benchmarks
import Charts
import Collectives
import Foundation
import Kernels
import ProgramEntry
import Towers
import Training

/// `kelip bench step`: whole training steps; also under mpirun.
struct BenchStep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Time whole training steps on random pairs; run it under mpirun for several ranks.",
    discussion: """
      After the timed steps some more run with a clock on, and say where the time goes. Then this step's matrix \
      products run alone: their rate is what the whole step is held against. Operations are those that the formulas \
      ask for; what is computed again is not counted.
      """)

  @Option(help: "Model file (YAML or JSON, open_clip's keys).") var model: String
  @Option(help: "fp32 or bf16.") var precision: Precision = .bf16
  @Option(help: "Pairs a rank.") var batch: Int = 32
  @Option(help: "Tokens of every caption, [SOT] and [EOT] included.") var tokens: Int?
  @Option(help: "Shards whose captions are used, with their real lengths (directory, glob or list).")
  var data: [String] = []
  @Option(help: "Tokenizer file for --data.") var tokenizer: String?
  @Option(help: "Timed steps, after the warm-ups.") var steps: Int = 4
  @Option(help: "Steps that are not timed.") var warmups: Int = 2
  @Option(help: "Steps with the clock of phases on; 0 for none.") var phaseSteps: Int = 2
  @Option(help: "Seconds to run the matrix products alone.") var productSeconds: Double = 6
  @Option(help: "Frozen part of the image tower: \(Freezing.choices).") var freezeImage: Freezing = .none
  @Option(help: "Frozen part of the text tower.") var freezeText: Freezing = .none
  @Option(help: "Views of each picture, each against its caption.") var crops: Int = 1
  @Option(help: "Pairs that go through the towers at once, in two passes.") var microBatch: Int?
  @Option(help: "Tokens of captions that go through the text tower at once, sorted by length.")
  var microBatchTokens: Int?
  @Option(help: "Gradients in messages: fp32 or bf16.") var gradientWire: GradientWire = .fp32
  @Option(help: "Whether the ranks of a machine exchange among themselves first (true, false).")
  var hierarchical = true
  @Option(help: "Whether each rank keeps the optimizer's state of its share only (true, false).")
  var shardOptimizer = true
  @Option(help: "Draw the phases of a step (PNG).", completion: .file()) var picture: String?
  @Flag(help: "Tell the call stack of each heap allocation of one step.") var traceAllocations = false
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard crops > 0, microBatch ?? 1 > 0, microBatchTokens ?? 1 > 0 else {
      throw ValidationError("--crops, --micro-batch and --micro-batch-tokens must be at least 1")
    }
    guard phaseSteps >= 0, warmups >= 0, productSeconds >= 0 else {
      throw ValidationError("--phase-steps, --warmups and --product-seconds must not be negative")
    }
    guard picture == nil || phaseSteps > 0 else { throw ValidationError("--picture needs --phase-steps") }
    guard data.isEmpty == (tokenizer == nil), data.isEmpty || tokens == nil else {
      throw ValidationError("give --data with --tokenizer and without --tokens")
    }
  }

  func run() throws {
    Program.run { communicator in
      let report = try benchmark(communicator).run(communicator)
      guard communicator.isLeader else { return .done }
      try show(report)
      return .done
    }
  }

  private func benchmark(_ communicator: any Communicator) throws -> StepBenchmark {
    let config = try ModelFile.load(model)
    var benchmark = try StepBenchmark(
      model: config, precision: precision, batchSize: batch,
      tokens: tokens ?? config.text.contextLength, steps: steps)
    benchmark.freezing = (freezeImage, freezeText)
    benchmark.parallel.style = ExchangeStyle(wire: gradientWire, isHierarchical: hierarchical)
    benchmark.parallel.shardsOptimizer = shardOptimizer
    (benchmark.crops, benchmark.microBatchSize) = (crops, microBatch)
    benchmark.microBatchTokens = microBatchTokens
    (benchmark.warmups, benchmark.phaseSteps) = (warmups, phaseSteps)
    (benchmark.productSeconds, benchmark.tracesAllocations) = (productSeconds, traceAllocations)
    if let tokenizer {
      benchmark.captions = try CaptionSample.load(
        shards: data, tokenizer: tokenizer, batches: steps, batchSize: batch,
        contextLength: config.text.contextLength, vocabSize: config.text.vocabSize, rank: communicator.rank,
        worldSize: communicator.worldSize)
    }
    return benchmark
  }

  private func show(_ report: StepReport) throws {
    let heading: [(String, JSONText)] = [
      ("model", .string(model)), ("precision", .string(precision.rawValue)),
      ("ranks", .integer(report.worldSize)), ("batch_per_rank", .integer(batch)),
      ("tokens", data.isEmpty ? .integer(Int(report.tokensPerCaption)) : .number(report.tokensPerCaption)),
    ]
    let fields = heading + report.fields
    if json {
      print(JSONText.object(fields + report.details).text)
    } else {
      printFields(fields, json: false)
      StepTable(report).lines.forEach { print($0) }
    }
    guard let picture else { return }
    let name = URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent
    try StepPicture(
      report, title: "One training step of \(name), \(precision.rawValue), \(batch) pairs a rank"
    )
    .draw(font: ChartFont.open()).writePNG(to: URL(fileURLWithPath: picture))
  }
}
