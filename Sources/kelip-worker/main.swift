import ArgumentParser
import Basics
import Kernels
import ProgramEntry
import RunService
import Training

struct KelipWorker: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kelip-worker",
    abstract: "Train an image-text model; start it with mpirun or srun, or alone as a world of one.",
    discussion: "Exit codes: 0 done, 2 bad configuration or input, 85 saved and wants requeue, 86 fatal.")

  @Option(help: "The run's configuration (YAML).") var config: String
  @Option(help: "Override one key: --set optimizer.lr=1e-3 (repeatable).") var set: [String] = []
  @Option(help: "auto: go on from the newest whole checkpoint; never; or a checkpoint's directory.")
  var resume: String = "auto"
  @Flag(help: "Resume although the configuration has changed.") var acceptConfigChange = false
  @Flag(help: "Check configuration, model, tokenizer and shards, and stop.") var dryRun = false

  var options: WorkerOptions {
    let resumption: WorkerOptions.Resume =
      switch resume {
      case "auto": .auto
      case "never": .never
      default: .from(resume)
      }
    return WorkerOptions(
      configPath: config, overrides: set, resume: resumption, acceptConfigChange: acceptConfigChange,
      dryRun: dryRun)
  }

  /// What the configuration asks for; 1 where it cannot be read, which is told of later and once.
  var threads: Int {
    (try? TrainConfig(contentsOf: config, overrides: set).threadsPerRank) ?? 1
  }
}

// Before anything that takes time, and inherited where the process starts itself anew.
StopSignal.prepare()
let command = parseCommand(KelipWorker.self)
// The libraries read their thread counts while they load, so this comes before everything else.
ComputeRuntime.prepareProcess(threads: (try? command.get())?.threads ?? 1)
Program.run(threads: WorkerPool.workers) { communicator in
  let options = try communicator.agree { try command.get().options }
  return try Worker.run(options, communicator)
}
