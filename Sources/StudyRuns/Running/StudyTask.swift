import Basics
import Foundation

/// One run of a study, from nothing to its numbers.
struct StudyTask {
  let run: StudyRun
  let launcher: any ProgramLauncher
  let ranks: Int
  let precision: String
  let report: (String) -> Void

  func model(_ questions: [StudyQuestion], isFirst: Bool) throws -> StudyResults.Model {
    try FileManager.default.createDirectory(at: run.directory, withIntermediateDirectories: true)
    if let training = run.training { try train(training) }
    var measures =
      try run.training.map {
        try TrainingCost.measures(run.directory, stages: $0.stages)
      } ?? [:]
    for var question in questions where isFirst || !question.isForOneModel {
      if !isFirst { question.picture = nil }
      measures.merge(try answer(question)) { $1 }
    }
    return StudyResults.Model(
      variant: run.variant, seed: run.seed, name: run.name, checkpoint: run.checkpoint.path,
      measures: measures)
  }

  private func train(_ training: StudyTraining) throws {
    // A checkpoint gets its name when it is whole.
    guard !FileManager.default.fileExists(atPath: run.checkpoint.path) else {
      return report("is trained")
    }
    report("training \(training.steps) steps; its output is in \(run.log.path)")
    let arguments =
      ["--config", training.config, "--resume", "auto"] + training.overrides.flatMap { ["--set", $0] }
    try launch(
      ChildProgram(kind: .worker, arguments: arguments, ranks: ranks, log: run.log), task: "training")
    guard FileManager.default.fileExists(atPath: run.checkpoint.path) else {
      throw KelipError(
        "training \(run.name) ended well, but left no checkpoint", at: run.checkpoint.path,
        hint: "its output is in \(run.log.path)")
    }
  }

  private func answer(_ question: StudyQuestion) throws -> Measures {
    let file = try AnswerFile(run, question, precision: precision)
    let isDrawn = question.picture.map { FileManager.default.fileExists(atPath: $0.path) } ?? true
    if !isDrawn || file.lines() == nil {
      report(question.name)
      try ask(question, file)
    }
    return try AnswerReader.measures(file.lines() ?? [], prefix: question.prefix, source: file.url)
  }

  private func ask(_ question: StudyQuestion, _ file: AnswerFile) throws {
    let output = file.url.appendingPathExtension("partial")
    defer { try? FileManager.default.removeItem(at: output) }
    let sheet = question.picture.map { ["--sheet", $0.path] } ?? []
    let arguments =
      ["eval"] + question.arguments + [
        "--checkpoint", run.checkpoint.path, "--precision", precision, "--json",
      ]
      + sheet
    try launch(
      ChildProgram(kind: .companion, arguments: arguments, ranks: ranks, log: run.log, output: output),
      task: question.name)
    try file.write(TextFile.read(output.path, "the answer"))
  }

  private func launch(_ program: ChildProgram, task: String) throws {
    switch try launcher.run(program) {
    case .exited(0): return
    case .stopped, .exited(ExitCode.requeue.rawValue):
      throw KelipError(
        "stopped in \(task) of \(run.name)", hint: "run the same command again to go on",
        exitCode: .requeue)
    case .exited(let code): throw failure(task, "exit status \(code)")
    case .signalled(let signal): throw failure(task, "signal \(signal)")
    }
  }

  private func failure(_ task: String, _ end: String) -> KelipError {
    KelipError(
      "\(task) of \(run.name) failed with \(end)\(lastError)", at: run.log.path,
      hint: "its output is there; what is done stays done when the study is run again")
  }

  /// What the log tells last of an error, with what to do about it.
  private var lastError: String {
    let text = (try? String(contentsOf: run.log, encoding: .utf8)) ?? ""
    let lines = text.split(separator: "\n")
    guard let place = lines.lastIndex(where: { $0.contains("error: ") }) else { return "" }
    let hint = lines[(place + 1)...].prefix { $0.hasPrefix("  →") }.map { $0.dropFirst() }
    return ": " + lines[place] + hint.joined()
  }
}
