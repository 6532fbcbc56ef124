import ArgumentParser
import Basics
import Foundation
import MPICollectives
import RunService
import StudyRuns

/// `kelip study`: questions that take several trained models.
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Train variants of a configuration from several seeds, and compare what the models are worth.",
    subcommands: [StudyAugmentation.self, StudyLanguages.self])
}

/// What every study is told.
struct StudyOptions: ParsableArguments {
  @Option(
    name: .customLong("set"), help: "Override one key of every variant: --set data.train=DIR (repeatable).")
  var overrides: [String] = []
  @Option(help: "Contrastive updates of every run.") var steps: Int?
  @Option(parsing: .upToNextOption, help: "Seeds; each variant is trained from each.") var seeds: [Int] = []
  @Option(parsing: .upToNextOption, help: "Only these variants of the plan.") var variants: [String] = []
  @Option(help: "Ranks that train and evaluate.") var ranks: Int?
  @Option(
    help: "Options of mpirun, instead of KELIP_MPIRUN_OPTIONS or --oversubscribe: --mpirun-options=\"…\".")
  var mpirunOptions: String?
  @Flag(help: "Print every number as JSON.") var json = false

  func validate() throws {
    if let steps, steps < 1 { throw ValidationError("--steps must be at least 1") }
    if let ranks, ranks < 1 { throw ValidationError("--ranks must be at least 1") }
    guard seeds.allSatisfy({ $0 >= 0 }), Set(seeds).count == seeds.count else {
      throw ValidationError("--seeds must be different and 0 or more")
    }
  }

  /// The file's plan with what the command line changes.
  func plan(_ path: String) throws -> StudyPlan {
    var plan = try StudyPlan(contentsOf: path)
    plan.overrides += overrides
    plan.steps = steps ?? plan.steps
    plan.ranks = ranks ?? plan.ranks
    if !seeds.isEmpty { plan.seeds = seeds }
    if !variants.isEmpty { try plan.keepVariants(variants) }
    return plan
  }

  /// Does what is not done yet, writes the tables and prints them.
  func run(_ kind: StudyKind, _ plan: StudyPlan, checkpoints: [String] = [], in path: String) throws {
    guard !MPICommunicator.isLaunchedByMPI else {
      throw KelipError(
        "a study starts its ranks itself",
        hint: "run kelip study without mpirun or srun; --ranks says how many")
    }
    let directory = URL(fileURLWithPath: path)
    let study = try Study(kind, plan, checkpoints: checkpoints, in: directory)
    let launcher = ProcessLauncher(try Programs.installed(mpirunOptions: mpirunOptions))
    StopRequest.install()
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let lock = try Self.lock(directory)
    defer { withExtendedLifetime(lock) {} }
    let report = StudyReport(
      try study.run(launcher) { FileHandle.standardError.write(Data("\($0)\n".utf8)) })
    try report.write(to: directory)
    print(json ? report.results.json.text : report.text)
  }

  private static func lock(_ directory: URL) throws -> RunLock {
    do {
      return try RunLock(at: directory.appendingPathComponent("lock"))
    } catch var error as KelipError {
      error.hint = "wait for the study there, stop it, or take another --out"
      throw error
    }
  }
}
