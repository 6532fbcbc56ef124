import Basics
import Foundation

@testable import StudyRuns

/// Does what the programs would leave behind, and remembers what it was asked for.
final class FakeLauncher: ProgramLauncher {
  private(set) var programs: [ChildProgram] = []
  /// How the program with this number ends, from 0; those not named end well.
  var ends: [Int: ChildEnd] = [:]

  var trainings: [ChildProgram] { programs.filter { $0.kind == .worker } }
  var evaluations: [ChildProgram] { programs.filter { $0.kind == .companion } }

  func forget() { programs = [] }

  func run(_ program: ChildProgram) throws -> ChildEnd {
    defer { programs.append(program) }
    if let end = ends[programs.count] {
      try Data("error: out of luck\n  → try again\n---\n".utf8).write(to: program.log)
      return end
    }
    program.kind == .worker ? try train(program) : try evaluate(program)
    return .exited(0)
  }

  /// A run whose last step is that of `optimizer.steps` and, where it has that stage, `mae.steps`.
  private func train(_ program: ChildProgram) throws {
    let directory = URL(fileURLWithPath: program.value("run.directory")!.trimmingCharacters(in: ["\""]))
    let steps = Int(program.value("optimizer.steps")!)! + (program.value("mae.steps").flatMap(Int.init) ?? 0)
    let name = "step-" + String(String(100_000_000 + steps).dropFirst())
    let checkpoint = directory.appendingPathComponent("checkpoints/\(name)")
    try FileManager.default.createDirectory(at: checkpoint, withIntermediateDirectories: true)
    try Data("{}".utf8).write(to: checkpoint.appendingPathComponent("manifest.json"))
    let lines = (1...steps).map { #"{"step": \#($0), "step_seconds": 0.5}"# + "\n" }
    try Data(lines.joined().utf8).write(to: directory.appendingPathComponent("metrics.jsonl"))
  }

  /// Figures that grow with the seed.
  private func evaluate(_ program: ChildProgram) throws {
    let checkpoint = program.arguments[program.arguments.firstIndex(of: "--checkpoint")! + 1]
    let seed = checkpoint.firstMatch(of: /seed([0-9]+)/).flatMap { Double($0.1) } ?? 0
    let answers = ["ko", "en"].map { language in
      """
      {"language": "\(language)", "top1": \(seed / 10), "chance_top1": 0.05, "text_to_image_R@1": \(seed / 10), \
      "image_to_text_R@1": \(seed / 20)}
      """
    }
    try Data((["a line for people"] + answers).joined(separator: "\n").utf8).write(to: program.output!)
  }
}

extension ChildProgram {
  /// What `--set` gives a key at last.
  func value(_ key: String) -> String? {
    arguments.last { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) }
  }
}
