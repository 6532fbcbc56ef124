import Basics
import Yams

/// Values whose type another reader knows: parts of a file that are handed on as they stand.
extension ConfigReader {
  /// The members of the mapping at `key` in the file's order, with whatever values they have. All keys below count as
  /// known.
  package func members(_ key: String) throws -> [(key: String, value: JSONText)] {
    guard let node = lookUp(key), node.null == nil else {
      record(key, .null)
      return []
    }
    guard let mapping = node.mapping else {
      throw fault(key, "expected a mapping, found \(Self.kind(node))")
    }
    for leaf in Self.leaves(node, prefix: key) { record(leaf, .null) }
    let members = mapping.map { (key: $0.string ?? "", value: Self.jsonText($1)) }
    record(key, .object(members.map { ($0.key, $0.value) }))
    return members
  }

  /// Every value of the file by dotted key, overrides included; lists are values.
  package var settings: [(key: String, value: JSONText)] { Self.settings(root, prefix: "") }

  private static func settings(_ node: Node, prefix: String) -> [(key: String, value: JSONText)] {
    guard let mapping = node.mapping else { return [(prefix, jsonText(node))] }
    return mapping.flatMap { key, value in
      settings(value, prefix: prefix.isEmpty ? key.string ?? "" : "\(prefix).\(key.string ?? "")")
    }
  }

  /// JSON is YAML: what comes out is read back as the same value.
  private static func jsonText(_ node: Node) -> JSONText {
    if let mapping = node.mapping { return .object(mapping.map { ($0.string ?? "", jsonText($1)) }) }
    if let items = node.sequence { return .array(items.map(jsonText)) }
    switch node.tag {
    case Tag(.null): return .null
    case Tag(.bool): return node.bool.map(JSONText.bool) ?? .string(node.string ?? "")
    case Tag(.int): return node.int.map(JSONText.integer) ?? .string(node.string ?? "")
    case Tag(.float): return node.float.map(JSONText.number) ?? .string(node.string ?? "")
    default: return .string(node.string ?? "")
    }
  }
}
