import Basics
import Configuration

extension StudyPlan {
  /// Reads a plan; see `configs/studies/augmentation.yaml`.
  package init(contentsOf path: String) throws {
    try self.init(yaml: TextFile.read(path, "the study's plan"), source: path)
  }

  init(yaml: String, source: String) throws {
    let reader = try ConfigReader(yaml: yaml, source: source)
    config = try reader.string("config")
    overrides = try reader.members("set").map { "\($0.key)=\($0.value.text)" }
    steps = try reader.optionalInteger("steps", in: 1...Int.max)
    seeds = try reader.integers("seeds", default: [1, 2, 3], in: 0...Int.max)
    ranks = try reader.integer("ranks", default: 2, in: 1...1_000_000)
    variants = try Self.variants(reader)
    evaluation = try StudyEvaluation(reader)
    try reader.rejectUnknownKeys()
    guard Set(seeds).count == seeds.count else { throw reader.fault("seeds", "a seed stands there twice") }
  }

  private static func variants(_ reader: ConfigReader) throws -> [StudyVariant] {
    let variants = try reader.members("variants").map { name, value in
      guard !name.isEmpty, name.utf8.allSatisfy(isNameByte), !name.hasPrefix(".") else {
        throw reader.fault("variants.\(name)", "no name for a folder", hint: "letters, digits, _ + - and .")
      }
      switch value {
      case .null: return StudyVariant(name: name)
      case .object(let overrides):
        return StudyVariant(name: name, overrides: overrides.map { (key: $0.0, value: $0.1) })
      default:
        throw reader.fault("variants.\(name)", "expected a mapping of the configuration's keys")
      }
    }
    guard !variants.isEmpty else {
      throw reader.fault("variants", "missing", hint: "give at least one, such as {plain: {}}")
    }
    return variants
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    let character = Character(Unicode.Scalar(byte))
    return byte < 128 && (character.isLetter || character.isNumber || "_+-.".contains(character))
  }
}

extension StudyEvaluation {
  /// The section `evaluation`.
  init(_ reader: ConfigReader) throws {
    precision = try reader.string("evaluation.precision", default: "fp32")
    languages = try reader.strings("evaluation.languages", default: ["ko", "en"])
    sets = try Self.paths(reader, "evaluation.sets").map { (name: $0, shards: $1) }
    pairs = try reader.optionalInteger("evaluation.pairs", in: 1...Int.max)
    labelKey = try reader.optionalString("evaluation.label_key")
    classes = try reader.optionalString("evaluation.classes")
    prompts = try reader.string("evaluation.prompts", default: "configs/prompts")
    folders = try Self.paths(reader, "evaluation.folders").map { (name: $0, path: $1) }
    pictureKey = try reader.string("evaluation.picture_key", default: "picture")
    words = try reader.string("evaluation.words", default: "configs/words/culture.yaml")
    wordPictures = try reader.integer("evaluation.word_pictures", default: 10, in: 1...1000)
    minimum = try reader.integer("evaluation.minimum", default: 3, in: 1...Int.max)
    minimums = try Self.counts(reader, "evaluation.minimum_by_set")
    sums = try reader.strings("evaluation.sums", default: [])
    let names = sets.map(\.name) + folders.map(\.name)
    if let bad = names.first(where: { $0.isEmpty || $0.contains { "./ ".contains($0) } }) {
      throw reader.fault("evaluation.sets", "\"\(bad)\" is no name", hint: "no points, slashes or spaces")
    }
    guard Set(names).count == names.count else {
      throw reader.fault("evaluation.folders", "has a name of evaluation.sets")
    }
  }

  private static func counts(_ reader: ConfigReader, _ key: String) throws -> [String: Int] {
    let counts = try reader.members(key).map { name, value in
      guard case .integer(let count) = value, count > 0 else {
        throw reader.fault("\(key).\(name)", "expected a whole number of at least 1")
      }
      return (name, count)
    }
    return Dictionary(counts) { $1 }
  }

  private static func paths(_ reader: ConfigReader, _ key: String) throws -> [(String, String)] {
    try reader.members(key).map { name, value in
      guard case .string(let path) = value else {
        throw reader.fault("\(key).\(name)", "expected a path")
      }
      return (name, path)
    }
  }
}
