import Basics

/// Every number that a study found.
package struct StudyResults: Sendable {
  package struct Model: Sendable {
    package var variant: String
    package var seed: Int?
    package var name: String
    package var checkpoint: String
    package var measures: Measures

    package init(variant: String, seed: Int?, name: String, checkpoint: String, measures: Measures) {
      (self.variant, self.seed, self.name) = (variant, seed, name)
      (self.checkpoint, self.measures) = (checkpoint, measures)
    }
  }

  package var kind: StudyKind
  /// The names of the sets, in the plan's order.
  package var sets: [String]
  /// Those of them that the models were trained on.
  package var trainedOn: [String]
  package var languages: [String]
  package var models: [Model]

  package init(
    kind: StudyKind, sets: [String], trainedOn: [String], languages: [String], models: [Model]
  ) {
    (self.kind, self.sets, self.trainedOn, self.languages) = (kind, sets, trainedOn, languages)
    self.models = models
  }

  /// The set's name, and whether its pictures are known to the models.
  func title(_ set: String) -> String { trainedOn.contains(set) ? "\(set) (trained on)" : set }

  /// In the order in which they come first.
  package var variants: [String] {
    models.reduce(into: []) { if !$0.contains($1.variant) { $0.append($1.variant) } }
  }

  package func models(of variant: String) -> [Model] { models.filter { $0.variant == variant } }

  /// Over the variant's models that have the measure; nil where none has.
  package func spread(_ measure: String, of variant: String) -> Spread? {
    Spread(models(of: variant).compactMap { $0.measures[measure] })
  }

  package var json: JSONText {
    .object([
      ("study", .string(kind.rawValue)), ("sets", .array(sets.map(JSONText.string))),
      ("trained_on", .array(trainedOn.map(JSONText.string))),
      ("languages", .array(languages.map(JSONText.string))),
      ("variants", .array(variants.map(json))),
    ])
  }

  private func json(_ variant: String) -> JSONText {
    let models = models(of: variant)
    let names = Set(models.flatMap(\.measures.keys)).sorted()
    let summary = names.compactMap { name in
      spread(name, of: variant).map { spread in
        (
          name,
          JSONText.object([
            ("mean", .number(spread.mean)),
            ("deviation", spread.deviation.map(JSONText.number) ?? .null),
            ("count", .integer(spread.count)),
          ])
        )
      }
    }
    return .object([
      ("name", .string(variant)), ("models", .array(models.map(json))), ("summary", .object(summary)),
    ])
  }

  private func json(_ model: Model) -> JSONText {
    .object([
      ("name", .string(model.name)), ("seed", model.seed.map(JSONText.integer) ?? .null),
      ("checkpoint", .string(model.checkpoint)),
      (
        "measures",
        .object(model.measures.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) })
      ),
    ])
  }
}
