import Basics

/// What is compared: a configuration with these changes, under a name.
package struct StudyVariant: Sendable {
  package var name: String
  /// By key of the configuration. A section's name replaces the whole section, `optimizer.lr` one key.
  package var overrides: [(key: String, value: JSONText)]

  package init(name: String, overrides: [(key: String, value: JSONText)] = []) {
    (self.name, self.overrides) = (name, overrides)
  }
}

/// Variants of one configuration, each trained from several seeds for the same number of updates, and how the trained
/// models are evaluated.
package struct StudyPlan: Sendable {
  /// The path of the configuration that the variants change.
  package var config: String
  /// `key=value` each, for all variants; a variant's own win.
  package var overrides: [String]
  /// Contrastive updates of every run; nil for what the configuration says.
  package var steps: Int?
  package var seeds: [Int]
  package var ranks: Int
  package var variants: [StudyVariant]
  package var evaluation: StudyEvaluation

  /// Only these variants, in the plan's order.
  package mutating func keepVariants(_ names: [String]) throws {
    let known = variants.map(\.name)
    if let unknown = names.first(where: { !known.contains($0) }) {
      throw KelipError(
        "the plan has no variant \(unknown)", at: "--variants",
        hint: "one of: \(known.joined(separator: ", "))")
    }
    variants.removeAll { !names.contains($0.name) }
  }
}

/// How trained models are evaluated.
package struct StudyEvaluation: Sendable {
  package var precision: String
  /// Of captions, names of classes and prompts.
  package var languages: [String]
  /// Shards by name, such as `validation`; empty for the configuration's own data.
  package var sets: [(name: String, shards: String)]
  /// Retrieval is among the first so many pairs of a set and language; nil for all.
  package var pairs: Int?
  /// The metadata's key of a picture's class; nil for no classification of the sets.
  package var labelKey: String?
  /// The file with the classes' names; nil where the labels are the names.
  package var classes: String?
  /// The folder of the prompts.
  package var prompts: String
  /// Folders with a folder of pictures a class, by name: more sets to classify.
  package var folders: [(name: String, path: String)]
  /// The metadata's key that is the same for the same picture.
  package var pictureKey: String
  /// The file of words that are looked up in both languages.
  package var words: String
  /// Pictures that each word finds.
  package var wordPictures: Int
  /// Pairs of captions in which a change of words must occur to be asked about.
  package var minimum: Int
  /// Other such numbers by set: small sets have few captions alike.
  package var minimums: [String: Int]
  /// Sums of features whose pictures are drawn.
  package var sums: [String]
}
