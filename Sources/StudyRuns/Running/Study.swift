import Basics
import Foundation

/// Trains what is not trained yet, asks what is not answered yet, and gathers the answers.
package struct Study {
  package let kind: StudyKind
  package let evaluation: StudyEvaluation
  package let sets: [StudyEvaluation.Shards]
  package let trainedOn: [String]
  package let runs: [StudyRun]
  package let directory: URL
  package let ranks: Int

  /// - Parameter checkpoints: models that are trained already; empty for those of the plan.
  package init(_ kind: StudyKind, _ plan: StudyPlan, checkpoints: [String] = [], in directory: URL) throws {
    (self.kind, self.directory, evaluation, ranks) = (kind, directory, plan.evaluation, plan.ranks)
    sets = try plan.evaluation.resolvedSets(plan)
    trainedOn = try plan.evaluation.trainedOn(sets, plan)
    runs = try checkpoints.isEmpty ? plan.runs(in: directory) : TrainedModels.runs(checkpoints, in: directory)
    guard !sets.isEmpty || !evaluation.folders.isEmpty else {
      throw KelipError("nothing to evaluate on", hint: "name shards in the plan's evaluation.sets")
    }
  }

  /// - Parameter report: gets a line for each thing that begins or was done before.
  /// - Throws: `KelipError` for the first program that fails, and when the study is told to stop. Either way it goes on
  ///   from there when it is run again.
  package func run(_ launcher: any ProgramLauncher, report: @escaping (String) -> Void) throws
    -> StudyResults
  {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try StudyRecord(directory).agree(with: runs)
    let questions = kind.questions(evaluation, sets: sets, in: directory)
    let models = try runs.enumerated().map { index, run in
      let task = StudyTask(
        run: run, launcher: launcher, ranks: ranks, precision: evaluation.precision,
        report: { report("[\(index + 1)/\(runs.count)] \(run.title): \($0)") })
      return try task.model(questions, isFirst: index == 0)
    }
    return StudyResults(
      kind: kind, sets: sets.map(\.name) + (kind == .augmentation ? evaluation.folders.map(\.name) : []),
      trainedOn: trainedOn, languages: evaluation.languages, models: models)
  }
}
