import Basics
import Yams

extension ConfigReader {
  /// One text or a list of them.
  package func strings(_ key: String, default fallback: [String]? = nil) throws -> [String] {
    try value(
      key, "a text or a list of texts", default: fallback,
      { node in
        if let items = node.sequence { return Self.all(items.map(Self.text)) }
        return Self.text(node).map { [$0] }
      }, { .array($0.map(JSONText.string)) })
  }

  /// A reader for each mapping of a list; nil where the key has no list with a mapping in it. What the readers found
  /// is to be noted with `record`.
  func entries(_ key: String) throws -> [ConfigReader]? {
    guard let items = lookUp(key)?.sequence, items.contains(where: { $0.mapping != nil }) else { return nil }
    return try items.enumerated().map { number, item in
      guard item.mapping != nil else {
        throw fault(
          "\(key)[\(number)]", "expected a mapping as in the list's other entries, found \(Self.kind(item))")
      }
      return ConfigReader(entry: item, source: source, prefix: "\(prefix)\(key)[\(number)].")
    }
  }
}
