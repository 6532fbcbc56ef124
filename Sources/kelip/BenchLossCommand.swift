import ArgumentParser
import Basics
import Benchmarks
import Kernels
import ProgramEntry

/// `kelip bench loss`: the global contrastive loss with its gradients; also under mpirun.
struct BenchLoss: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loss",
    abstract: "Time the contrastive loss and its gradients on random features, and what memory they need.",
    discussion: "Threads are OMP_NUM_THREADS, or all cores; under mpirun each rank has one.")

  @Option(help: "Pairs of the global batch.") var batch: Int
  @Option(help: "Dimension of the joint space.") var dim: Int = 512
  @Option(help: "fp32 or bf16.") var precision: Precision = .bf16
  @Option(help: "How often; the median counts.") var repetitions: Int = 3
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    Program.run { communicator in
      let benchmark = try LossBenchmark(
        globalBatchSize: batch, embedDim: dim, precision: precision, repetitions: repetitions)
      let result = try benchmark.run(communicator)
      guard communicator.isLeader else { return .done }
      let fields: [(String, JSONText)] = [
        ("precision", .string(precision.rawValue)), ("ranks", .integer(result.worldSize)),
        ("global_batch", .integer(batch)), ("dim", .integer(dim)), ("threads", .integer(WorkerPool.workers)),
        ("seconds", .number(result.seconds)), ("communication_seconds", .number(result.communicationSeconds)),
        ("loss", .number(result.loss)), ("feature_bytes", .integer(result.featureBytes)),
        ("extra_bytes", .integer(result.extraBytes)),
        ("extra_resident_bytes", .integer(result.extraResidentBytes)),
      ]
      printFields(fields, json: json)
      return .done
    }
  }
}
