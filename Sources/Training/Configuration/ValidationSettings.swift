import Configuration

/// Section `validation`: what is measured during a run on pairs that it does not train on.
package struct ValidationSettings: Sendable, Equatable {
  /// `validation.every_steps`; the run's end is a time for it too.
  package var everySteps: Int
  /// `validation.pairs`: the first so many of each language.
  package var pairs: Int
  /// `validation.languages`, as in the samples' metadata.
  package var languages: [String]

  /// Nil where nothing is measured.
  static func read(_ reader: ConfigReader, shards: [String]) throws -> ValidationSettings? {
    let positive = 1...Int.max
    let everySteps = try reader.optionalInteger("validation.every_steps", in: positive)
    let pairs = try reader.integer("validation.pairs", default: 1000, in: positive)
    let languages = try reader.strings("validation.languages", default: ["ko", "en"])
    guard let everySteps else { return nil }
    guard !shards.isEmpty else {
      throw reader.fault(
        "validation.every_steps", "there is nothing to validate on", hint: "set data.validation")
    }
    guard !languages.isEmpty, Set(languages).count == languages.count else {
      throw reader.fault("validation.languages", "names no language, or one twice", hint: "such as [ko, en]")
    }
    return ValidationSettings(everySteps: everySteps, pairs: pairs, languages: languages)
  }
}
