import ArgumentParser
import Basics
import Foundation
import Kernels
import MPICollectives
import ProgramEntry
import ShardStream

struct Kelip: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kelip",
    abstract: "The companion of kelip-worker: data, tokenizers, models, evaluation, benchmarks.",
    subcommands: [
      DataCommand.self, TokenizerCommand.self, Model.self, CheckpointCommand.self, Embed.self, Index.self,
      SearchCommand.self, Eval.self, StudyCommand.self,
      MAECommand.self, Bench.self, Plan.self, ReportCommand.self,
    ])
}

// Alone, the companion may use the whole machine; under mpirun each rank has its core.
let threads = MPICommunicator.isLaunchedByMPI ? 1 : ProcessInfo.processInfo.activeProcessorCount
ComputeRuntime.prepareProcess(threads: threads)
ShardStorage.retry.report = { FileHandle.standardError.write(Data("warning: \($0)\n".utf8)) }
do {
  var command = try parseCommandLine(Kelip.self).get()
  try command.run()
} catch let error as KelipError {
  Program.tell(error, rank: nil)
  exit(error.exitCode.rawValue)
} catch {
  Kelip.exit(withError: error)
}
