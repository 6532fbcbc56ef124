import ArgumentParser
import Basics
import Benchmarks
import Kernels
import ProgramEntry
import Towers
import Training

/// `kelip bench kernels`: the matrix products that everything rests on.
struct BenchKernels: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Measure the matrix products of a training step, each shape alone.",
    discussion: """
      The shapes are those that one training step of the model runs: forward, data gradient and weight gradient. \
      Without --model it is one product of a usual shape.
      """)

  @Option(help: "Model file (YAML or JSON, open_clip's keys).") var model: String?
  @Option(help: "fp32 or bf16; both unless told.") var precision: Precision?
  @Option(help: "Pairs a rank.") var batch: Int = 32
  @Option(help: "Tokens of every caption; the model's context length unless told.") var tokens: Int?
  @Option(help: "Seconds to measure each path.") var seconds: Double = 6
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard seconds > 0 else { throw ValidationError("--seconds must be positive") }
  }

  func run() throws {
    let precisions = precision.map { [$0] } ?? [.fp32, .bf16]
    guard let model else {
      return printFields(
        try precisions.map { ("\($0.rawValue)_gflops", .number(try oneRate($0))) }, json: json)
    }
    let config = try ModelFile.load(model)
    let benchmark = try StepBenchmark(
      model: config, precision: precisions[0], batchSize: batch, tokens: tokens ?? config.text.contextLength,
      steps: 1)
    let counts = try benchmark.productCounts()
    var fields: [(String, JSONText)] = [("model", .string(model)), ("batch", .integer(batch))]
    for precision in precisions {
      let result = try rates(counts, precision)
      fields += self.fields(result, precision)
      guard !json else { continue }
      print("\(precision.rawValue)")
      ProductTable(result).lines.forEach { print($0) }
      print("")
    }
    if json { printFields(fields, json: true) }
  }

  private func oneRate(_ precision: Precision) throws -> Double {
    switch precision {
    case .fp32: try ComputeRuntime.measureRate(Float.self, seconds: seconds / 2)
    case .bf16: try ComputeRuntime.measureRate(BFloat16.self, seconds: seconds / 2)
    }
  }

  private func rates(_ counts: [ProductShape: Int], _ precision: Precision) throws -> ProductBenchmark.Result
  {
    let benchmark = ProductBenchmark(seconds: seconds)
    return switch precision {
    case .fp32: try benchmark.run(counts, as: Float.self)
    case .bf16: try benchmark.run(counts, as: BFloat16.self)
    }
  }

  private func fields(_ result: ProductBenchmark.Result, _ precision: Precision) -> [(String, JSONText)] {
    let name = precision.rawValue
    return [("\(name)_gflops", .number(result.gigaflops))]
      + ProductShape.Kind.allCases.map { ("\(name)_\($0.rawValue)_gflops", .number(result.gigaflops($0))) }
      + [("\(name)_products", result.json())]
  }
}
