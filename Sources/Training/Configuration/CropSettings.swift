import Basics
import Captions
import Configuration
import ShardStream

/// An entry of `augmentation.crops`: views of each picture that are drawn in the same way.
package struct CropSettings: Sendable, Equatable {
  /// Stands in the names of metrics; no two entries have the same.
  package var name: String
  /// Views of each picture.
  package var count: Int
  /// Side of what a crop is resized to; nil for the model's picture size.
  package var size: Int?
  /// Side that it is resized to after that; nil for not at all.
  package var resizeTo: Int?
  package var augmentation: AugmentationSettings

  package init(
    name: String, count: Int = 1, size: Int? = nil, resizeTo: Int? = nil, augmentation: AugmentationSettings
  ) {
    (self.name, self.count, self.size, self.resizeTo) = (name, count, size, resizeTo)
    self.augmentation = augmentation
  }

  private static let sides = 1...4096

  /// One group of one crop where the key is missing or null.
  ///
  /// - Parameter defaults: hold for an entry that names no augmentation of its own.
  static func read(
    _ reader: ConfigReader, _ key: String, defaults: AugmentationSettings
  ) throws -> [CropSettings] {
    guard reader.isList(key) else {
      guard try reader.optionalString(key) == nil else {
        throw reader.fault(key, "expected a list of mappings", hint: "such as [{name: global, count: 2}]")
      }
      return [CropSettings(name: "image", augmentation: defaults)]
    }
    var groups: [CropSettings] = []
    for item in try reader.mappings(key) {
      groups.append(try read(item, defaults, besides: groups.map(\.name)))
    }
    guard !groups.isEmpty else {
      throw reader.fault(key, "is empty", hint: "leave it out for one crop of each picture")
    }
    reader.record(key, .array(groups.map(\.resolved)))
    return groups
  }

  private static func read(
    _ reader: ConfigReader, _ defaults: AugmentationSettings, besides names: [String]
  ) throws -> CropSettings {
    let count = try reader.integer("count", default: 1, in: 1...64)
    let size = try reader.optionalInteger("size", in: sides)
    let resizeTo = try reader.optionalInteger("resize_to", in: sides)
    let name = try reader.optionalString("name") ?? freeName(resizeTo ?? size, names)
    let augmentation = try AugmentationSettings.read(
      reader, section: "", kindKey: "augmentation", defaults: defaults)
    try reader.rejectUnknownKeys()
    if augmentation.kind == .none,
      let idle = AugmentationSettings.randomKeys.first(where: reader.contains)
    {
      throw reader.fault(idle, "changes nothing with augmentation: none")
    }
    try requireName(name, names, reader)
    return CropSettings(
      name: name, count: count, size: size, resizeTo: resizeTo, augmentation: augmentation)
  }

  private static func requireName(_ name: String, _ taken: [String], _ reader: ConfigReader) throws {
    guard name.utf8.allSatisfy({ $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || isWord($0) }) else {
      throw reader.fault("name", "\"\(name)\" is no name for metrics", hint: "use letters, digits, _ and -")
    }
    guard CaptionLanguage(tag: name) == nil else {
      throw reader.fault(
        "name", "\"\(name)\" stands for the captions' language in metrics", hint: "take another name")
    }
    guard !taken.contains(name) else {
      throw reader.fault("name", "another entry is named \"\(name)\" too")
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    Character(Unicode.Scalar(byte)).isASCII
      && (Character(Unicode.Scalar(byte)).isLetter
        || Character(Unicode.Scalar(byte)).isNumber)
  }

  private static func freeName(_ side: Int?, _ taken: [String]) -> String {
    let name = side.map(String.init) ?? "image"
    guard taken.contains(name) else { return name }
    return (2...).lazy.map { "\(name)_\($0)" }.first { !taken.contains($0) }!
  }

  private var resolved: JSONText {
    func side(_ value: Int?) -> JSONText { value.map(JSONText.integer) ?? .null }
    return .object(
      [
        ("name", .string(name)), ("count", .integer(count)), ("size", side(size)),
        ("resize_to", side(resizeTo)),
      ] + augmentation.resolved(kindKey: "augmentation"))
  }
}
