import ArgumentParser
import Basics
import Benchmarks
import Kernels
import ProgramEntry
import Towers
import Training

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine with the program's own work.",
    subcommands: [
      BenchStep.self, BenchData.self, BenchTokenizer.self, BenchKernels.self, BenchCollectives.self,
    ])
}

/// `kelip bench step`: whole training steps; also under mpirun.
struct BenchStep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Time whole training steps on random pairs; run it under mpirun for several ranks.")

  @Option(help: "Model file (YAML or JSON, open_clip's keys).") var model: String
  @Option(help: "fp32 or bf16.") var precision: Precision = .bf16
  @Option(help: "Pairs a rank.") var batch: Int = 32
  @Option(help: "Tokens of every caption, [SOT] and [EOT] included.") var tokens: Int = 77
  @Option(help: "Timed steps, after two warm-ups.") var steps: Int = 4
  @Option(help: "Frozen part of the image tower: \(Freezing.choices).") var freezeImage: Freezing = .none
  @Option(help: "Frozen part of the text tower.") var freezeText: Freezing = .none
  @Option(help: "Views of each picture, each against its caption.") var crops: Int = 1
  @Option(help: "Pairs that go through the towers at once, in two passes.") var microBatch: Int?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard crops > 0, microBatch ?? 1 > 0 else {
      throw ValidationError("--crops and --micro-batch must be at least 1")
    }
  }

  func run() throws {
    Program.run { communicator in
      var benchmark = try StepBenchmark(
        model: try ModelFile.load(model), precision: precision, batchSize: batch, tokens: tokens, steps: steps
      )
      benchmark.freezing = (freezeImage, freezeText)
      (benchmark.crops, benchmark.microBatchSize) = (crops, microBatch)
      let result = try benchmark.run(communicator)
      guard communicator.isLeader else { return .done }
      let fields: [(String, JSONText)] = [
        ("model", .string(model)), ("precision", .string(precision.rawValue)),
        ("ranks", .integer(result.worldSize)),
        ("batch_per_rank", .integer(batch)), ("tokens", .integer(tokens)),
        ("step_seconds", .number(result.stepSeconds)),
        ("samples_per_second", .number(result.samplesPerSecond)),
        ("communication_seconds", .number(result.communicationSeconds)),
        ("parameters", .integer(result.parameterCount)),
        ("trained_parameters", .integer(result.trainedParameterCount)),
        ("parameter_bytes", .integer(result.parameterBytes)),
        ("peak_activation_bytes", .integer(result.peakActivationBytes)), ("loss", .number(result.loss)),
      ]
      printFields(fields, json: json)
      return .done
    }
  }
}

/// `kelip bench kernels`: the matrix products that everything rests on.
struct BenchKernels: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels", abstract: "Measure the matrix-product rate of both compute paths.")

  @Option(help: "Seconds to measure each path.") var seconds: Double = 3
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let fields: [(String, JSONText)] = [
      ("fp32_gflops", .number(try ComputeRuntime.measureRate(Float.self, seconds: seconds))),
      ("bf16_gflops", .number(try ComputeRuntime.measureRate(BFloat16.self, seconds: seconds))),
    ]
    printFields(fields, json: json)
  }
}

extension Precision: ExpressibleByArgument {}

extension Freezing: ExpressibleByArgument {
  public init?(argument: String) { self.init(text: argument) }
}
