import Basics
import Configuration
import Foundation

/// One evaluation of a trained model: a call of `kelip eval`.
package struct StudyQuestion: Sendable {
  /// Stands in the name of the answer's file, such as `zero-shot-validation`.
  package var name: String
  /// What the answer's numbers begin with, such as `validation.zero-shot`.
  package var prefix: String
  /// After `kelip eval`, without the model.
  package var arguments: [String]
  /// The picture that it draws besides, of one model of the study; nil for none.
  package var picture: URL?
  /// Asked of one model of the study only: what it finds is for looking at.
  package var isForOneModel = false
}

/// What a study asks.
package enum StudyKind: String, Sendable {
  /// Question 1: classification against retrieval.
  case augmentation
  /// Questions 2 to 4: do the languages meet, what do words call up, can features be added.
  case languages

  package func questions(
    _ evaluation: StudyEvaluation, sets: [(name: String, shards: String)], in directory: URL
  ) -> [StudyQuestion] {
    switch self {
    case .augmentation:
      return sets.flatMap { evaluation.classification($0) + [evaluation.retrieval($0)] }
        + evaluation.folders.map(evaluation.classification)
    case .languages:
      return sets.flatMap { set in
        [evaluation.crossLingual(set), evaluation.culture(set, directory)]
          + evaluation.languages.map { evaluation.analogy(set, $0) } + evaluation.sums(set, directory)
      }
    }
  }
}

extension StudyEvaluation {
  package typealias Shards = (name: String, shards: String)

  /// The sets to evaluate on: those given, else the configuration's own: pairs it does not train on, then the others.
  package func resolvedSets(_ plan: StudyPlan) throws -> [Shards] {
    guard sets.isEmpty else { return sets }
    let reader = try ConfigReader(
      yaml: TextFile.read(plan.config, "the study's configuration"), source: plan.config,
      overrides: plan.overrides)
    return try ["validation", "train"].compactMap { name in
      let key = "data.\(name)"
      guard !reader.hasMappings(key), try reader.strings(key, default: []).count <= 1 else {
        throw reader.fault(
          key, "several shards or a mixture", hint: "name what to evaluate on in the plan's evaluation.sets")
      }
      return try reader.strings(key, default: []).first.map { (name, $0) }
    }
  }

  /// The names of those sets that are in the configuration's training data, as far as paths tell.
  package func trainedOn(_ sets: [Shards], _ plan: StudyPlan) throws -> [String] {
    let reader = try ConfigReader(
      yaml: TextFile.read(plan.config, "the study's configuration"), source: plan.config,
      overrides: plan.overrides)
    guard reader.contains("data.train"), !reader.hasMappings("data.train") else { return [] }
    let shards = try reader.strings("data.train")
    return sets.filter { shards.contains($0.shards) }.map(\.name)
  }

  fileprivate func classification(_ set: Shards) -> [StudyQuestion] {
    labelKey.map { [classification(set.name, ["--data", set.shards, "--label-key", $0])] } ?? []
  }

  fileprivate func classification(_ folder: (name: String, path: String)) -> StudyQuestion {
    classification(folder.name, ["--folders", folder.path])
  }

  private func classification(_ set: String, _ source: [String]) -> StudyQuestion {
    let names = classes.map { ["--classes", $0] } ?? []
    return StudyQuestion(
      name: "zero-shot-\(set)", prefix: "\(set).zero-shot",
      arguments: ["zero-shot"] + source + names + ["--prompts", prompts, "--languages"] + languages)
  }

  fileprivate func retrieval(_ set: Shards) -> StudyQuestion {
    let limit = pairs.map { ["--pairs", String($0)] } ?? []
    return StudyQuestion(
      name: "retrieval-\(set.name)", prefix: "\(set.name).retrieval",
      arguments: ["retrieval", "--data", set.shards] + limit + ["--languages"] + languages)
  }

  fileprivate func crossLingual(_ set: Shards) -> StudyQuestion {
    StudyQuestion(
      name: "cross-lingual-\(set.name)", prefix: "\(set.name).cross-lingual",
      arguments: ["cross-lingual", "--data", set.shards, "--pair-key", pictureKey]
        + (labelKey.map { ["--theme-key", $0] } ?? []))
  }

  fileprivate func culture(_ set: Shards, _ directory: URL) -> StudyQuestion {
    StudyQuestion(
      name: "culture-\(set.name)", prefix: "\(set.name).culture",
      arguments: ["culture"] + gallery(set) + ["--words", words, "--k", String(wordPictures)],
      picture: directory.appendingPathComponent("culture-\(set.name).png"))
  }

  fileprivate func analogy(_ set: Shards, _ language: String) -> StudyQuestion {
    StudyQuestion(
      name: "analogy-\(set.name)-\(language)", prefix: "\(set.name).analogy.\(language)",
      arguments: ["analogy"] + gallery(set)
        + ["--language", language, "--minimum", String(minimums[set.name] ?? minimum)])
  }

  fileprivate func sums(_ set: Shards, _ directory: URL) -> [StudyQuestion] {
    guard !sums.isEmpty else { return [] }
    return [
      StudyQuestion(
        name: "sums-\(set.name)", prefix: "\(set.name).sums",
        arguments: ["analogy"] + gallery(set) + sums.flatMap { ["--sum", $0] },
        picture: directory.appendingPathComponent("sums-\(set.name).png"), isForOneModel: true)
    ]
  }

  private func gallery(_ set: Shards) -> [String] { ["--data", set.shards, "--picture-key", pictureKey] }
}
