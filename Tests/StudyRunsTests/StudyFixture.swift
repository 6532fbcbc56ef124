import Foundation
import TestFolders

@testable import StudyRuns

/// A plan of two variants over a configuration, in a folder of its own.
struct StudyFixture {
  let folder: TemporaryFolder
  var plan: StudyPlan

  static let planText = """
    config: run.yaml
    set: {optimizer.lr: 1.0e-3}
    steps: 3
    seeds: [1, 2]
    ranks: 2
    variants:
      plain:
      weak+mae: {stages: [mae, contrastive], mae.lr: 1e-4, augmentation: {train: weak, scale: [0.5, 1]}}
    evaluation:
      label_key: theme
      pairs: 100
    """

  init() throws {
    folder = try TemporaryFolder()
    let config = """
      run: {directory: runs/plain, seed: 7}
      data: {train: shards/train, validation: shards/validation, global_batch_size: 8}
      augmentation: {train: random_resized_crop, flip: 0.5}
      optimizer: {steps: 100}
      validation: {every_steps: 10}
      """
    try Data(config.utf8).write(to: folder.file("run.yaml"))
    plan = try StudyPlan(yaml: Self.planText, source: "plan.yaml")
    plan.config = folder.file("run.yaml").path
  }

  var directory: URL { folder.file("study") }

  func study(_ kind: StudyKind = .augmentation, checkpoints: [String] = []) throws -> Study {
    try Study(kind, plan, checkpoints: checkpoints, in: directory)
  }
}
