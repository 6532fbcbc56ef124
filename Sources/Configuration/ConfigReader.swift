import Basics
import Foundation
import Yams

/// Reads typed values out of a YAML mapping by dotted key, remembers every key that was asked for with the value it
/// got, and so knows which keys of the file nobody knows.
///
/// Reading a key declares it: name, type, default and check stand in one place.
package final class ConfigReader {
  private let source: String
  let root: Node
  /// Every key read so far with its value, in order: the resolved config.
  package private(set) var resolved: [(key: String, value: JSONText)] = []

  /// - Parameters:
  ///   - source: what to call the text in messages: a path.
  ///   - overrides: `key=value` each, values in YAML (`--set`).
  package init(yaml: String, source: String, overrides: [String] = []) throws {
    self.source = source
    var node: Node
    do {
      node = try Yams.compose(yaml: yaml) ?? Node([:])
    } catch {
      throw KelipError("not YAML: \(error)", at: source)
    }
    if node.null != nil { node = .mapping(Node.Mapping([])) }
    guard node.mapping != nil else {
      throw KelipError("expected a mapping of sections, found \(Self.kind(node))", at: source)
    }
    for override in overrides { node = try Self.apply(override, to: node) }
    root = node
  }

  private init(_ node: Node, source: String) {
    self.source = source
    root = node
  }

  /// A reader for each mapping of a list; its messages name the place in the list, from 1.
  package func mappings(_ key: String) throws -> [ConfigReader] {
    guard let node = lookUp(key) else { throw fault(key, "missing", hint: "give a list of mappings") }
    guard let items = node.sequence else { throw fault(key, "expected a list, found \(Self.kind(node))") }
    record(key, .array(items.map { _ in .null }))
    return try items.enumerated().map { index, item in
      guard item.mapping != nil else {
        throw fault("\(key)[\(index + 1)]", "expected a mapping, found \(Self.kind(item))")
      }
      return ConfigReader(item, source: "\(source): \(key)[\(index + 1)]")
    }
  }

  /// The keys of the mapping itself, in the file's order.
  package var topLevelKeys: [String] { root.mapping?.keys.compactMap(\.string) ?? [] }

  /// The keys of the mapping at `key`; nil where no mapping is there.
  package func keys(of key: String) -> [String]? { lookUp(key)?.mapping?.keys.compactMap(\.string) }

  /// Whether the value at `key` is a list with a mapping in it.
  package func hasMappings(_ key: String) -> Bool {
    lookUp(key)?.sequence?.contains { $0.mapping != nil } == true
  }

  /// Whether the value at `key` is a list.
  package func isList(_ key: String) -> Bool { lookUp(key)?.sequence != nil }

  /// Whether the file (or an override) gives a value, null included.
  package func contains(_ key: String) -> Bool { lookUp(key) != nil }

  /// A text that is not empty. Throws where the key has neither a value nor a default, or has another type; so do
  /// the readers below.
  package func string(_ key: String, default fallback: String? = nil) throws -> String {
    try value(key, "a text", default: fallback, Self.text, JSONText.string)
  }

  /// A whole number within `range`.
  package func integer(_ key: String, default fallback: Int? = nil, in range: ClosedRange<Int>? = nil) throws
    -> Int
  {
    let result = try value(key, "a whole number", default: fallback, { $0.int }, JSONText.integer)
    if let range, !range.contains(result) {
      throw fault(key, "must be \(Self.describe(range)), is \(result)")
    }
    return result
  }

  /// A number within `range`; whole ones may be written without a point.
  package func number(_ key: String, default fallback: Double? = nil, in range: ClosedRange<Double>? = nil)
    throws
    -> Double
  {
    let result = try value(
      key, "a number", default: fallback, { $0.float ?? $0.int.map(Double.init) }, JSONText.number)
    if let range, !range.contains(result) {
      throw fault(key, "must be from \(range.lowerBound) to \(range.upperBound), is \(result)")
    }
    return result
  }

  /// `true` or `false`.
  package func bool(_ key: String, default fallback: Bool) throws -> Bool {
    try value(key, "true or false", default: fallback, { $0.bool }, JSONText.bool)
  }

  /// A number, or nil where the file says `null` or nothing.
  package func optionalNumber(_ key: String, in range: ClosedRange<Double>? = nil) throws -> Double? {
    guard let node = lookUp(key), node.null == nil else {
      record(key, .null)
      return nil
    }
    return try number(key, in: range)
  }

  /// A whole number, or nil where the file says `null` or nothing.
  package func optionalInteger(_ key: String, in range: ClosedRange<Int>? = nil) throws -> Int? {
    guard let node = lookUp(key), node.null == nil else {
      record(key, .null)
      return nil
    }
    return try integer(key, in: range)
  }

  /// A text, or nil where the file says `null` or nothing.
  package func optionalString(_ key: String) throws -> String? {
    guard let node = lookUp(key), node.null == nil else {
      record(key, .null)
      return nil
    }
    return try string(key)
  }

  /// One text or a list of them.
  package func strings(_ key: String, default fallback: [String]? = nil) throws -> [String] {
    try value(
      key, "a text or a list of texts", default: fallback,
      { node in
        if let items = node.sequence { return Self.all(items.map(Self.text)) }
        return Self.text(node).map { [$0] }
      }, { .array($0.map(JSONText.string)) })
  }

  /// One or more whole numbers, each within `range`.
  package func integers(_ key: String, default fallback: [Int], in range: ClosedRange<Int>) throws -> [Int] {
    let result = try value(
      key, "a list of whole numbers", default: fallback, { $0.sequence.flatMap { Self.all($0.map(\.int)) } },
      { .array($0.map(JSONText.integer)) })
    guard !result.isEmpty else { throw fault(key, "must not be empty") }
    if let outside = result.first(where: { !range.contains($0) }) {
      throw fault(key, "each must be \(Self.describe(range)), found \(outside)")
    }
    return result
  }

  /// A list of `count` numbers, all within `bounds`.
  package func numbers(
    _ key: String, count: Int, default fallback: [Double], in bounds: ClosedRange<Double>
  ) throws -> [Double] {
    let result = try value(
      key, "a list of \(count) numbers", default: fallback,
      { node in
        let numbers = node.sequence.flatMap { Self.all($0.map { $0.float ?? $0.int.map(Double.init) }) }
        return numbers?.count == count ? numbers : nil
      }, { .array($0.map(JSONText.number)) })
    guard let outside = result.first(where: { !bounds.contains($0) }) else { return result }
    throw fault(key, "must lie within \(bounds.lowerBound) and \(bounds.upperBound), has \(outside)")
  }

  /// Two numbers, the smaller first, both within `bounds`.
  package func range(
    _ key: String, default fallback: ClosedRange<Double>, in bounds: ClosedRange<Double>
  ) throws -> ClosedRange<Double> {
    let result = try value(
      key, "a list of two numbers, the smaller first", default: fallback,
      { node in
        guard let items = node.sequence.flatMap({ Self.all($0.map { $0.float ?? $0.int.map(Double.init) }) }),
          items.count == 2, items[0] <= items[1]
        else { return nil }
        return items[0]...items[1]
      }, { .array([.number($0.lowerBound), .number($0.upperBound)]) })
    guard bounds.lowerBound <= result.lowerBound, result.upperBound <= bounds.upperBound else {
      throw fault(
        key,
        "must lie within \(bounds.lowerBound) and \(bounds.upperBound), is \(result.lowerBound) to \(result.upperBound)"
      )
    }
    return result
  }

  /// One of an enumeration's raw values.
  package func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, default fallback: Choice) throws
    -> Choice
  where Choice.RawValue == String {
    let text = try string(key, default: fallback.rawValue)
    guard let result = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw fault(key, "unknown value \"\(text)\"", hint: "one of: \(known)")
    }
    return result
  }

  /// An error at a key of this file.
  package func fault(_ key: String, _ message: String, hint: String? = nil) -> KelipError {
    KelipError(message, at: "\(source): \(key)", hint: hint)
  }

  /// Throws for the first key of the file that was never read, naming the nearest known one. A section without any
  /// key is no mistake: all of it may be commented out.
  package func rejectUnknownKeys() throws {
    let known = resolved.map(\.key)
    for key in Self.leaves(root, prefix: "") where !known.contains(key) {
      if known.contains(where: { $0.hasPrefix(key + ".") }) {
        guard let node = lookUp(key), node.null == nil else { continue }
        throw fault(key, "expected a mapping of keys, found \(Self.kind(node))")
      }
      let nearest = known.min { Self.distance($0, key) < Self.distance($1, key) }
      throw fault(key, "unknown key", hint: nearest.map { "did you mean \($0)?" })
    }
  }

  private func value<Value>(
    _ key: String, _ expected: String, default fallback: Value?, _ read: (Node) -> Value?,
    _ write: (Value) -> JSONText
  ) throws -> Value {
    if let node = lookUp(key) {
      guard let value = read(node) else { throw fault(key, "expected \(expected), found \(Self.kind(node))") }
      record(key, write(value))
      return value
    }
    guard let fallback else {
      throw fault(key, "missing", hint: "this key has no default: give \(expected)")
    }
    record(key, write(fallback))
    return fallback
  }

  /// Notes the value that a key got whose parts were read by readers of their own.
  package func record(_ key: String, _ value: JSONText) {
    if let index = resolved.firstIndex(where: { $0.key == key }) {
      resolved[index].value = value
    } else {
      resolved.append((key, value))
    }
  }

  func lookUp(_ key: String) -> Node? {
    key.split(separator: ".").reduce(Optional(root)) { node, part in node?.mapping?[Node(String(part))] }
  }
}

extension ConfigReader {
  private static func apply(_ override: String, to root: Node) throws -> Node {
    guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
      throw KelipError("expected key=value, found \"\(override)\"", at: "--set")
    }
    let path = override[..<equals].split(separator: ".").map(String.init)
    let text = String(override[override.index(after: equals)...])
    guard let value = try? Yams.compose(yaml: text) ?? .scalar(Node.Scalar("null", Tag(.null), .plain)) else {
      throw KelipError("not a YAML value: \(text)", at: "--set \(path.joined(separator: "."))")
    }
    return replacing(path[...], in: root, with: value)
  }

  private static func replacing(_ path: ArraySlice<String>, in node: Node?, with value: Node) -> Node {
    guard let first = path.first else { return value }
    var mapping = node?.mapping ?? Node.Mapping([])
    mapping[Node(first)] = replacing(path.dropFirst(), in: mapping[Node(first)], with: value)
    return .mapping(mapping)
  }

  static func leaves(_ node: Node, prefix: String) -> [String] {
    guard let mapping = node.mapping else { return [prefix] }
    return mapping.flatMap { key, value in
      leaves(value, prefix: prefix.isEmpty ? (key.string ?? "") : "\(prefix).\(key.string ?? "")")
    }
  }

  static func kind(_ node: Node) -> String {
    if node.mapping != nil { return "a mapping" }
    if node.sequence != nil { return "a list" }
    return node.null != nil ? "nothing" : "\"\(node.string ?? "")\""
  }

  private static func text(_ node: Node) -> String? {
    guard node.null == nil, let text = node.string, !text.isEmpty else { return nil }
    return text
  }

  private static func all<Value>(_ values: [Value?]) -> [Value]? {
    values.contains { $0 == nil } ? nil : values.compactMap { $0 }
  }

  private static func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max
      ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
  }

  /// Levenshtein's distance.
  package static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for (i, character) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let substituted = diagonal + (b[j] == character ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
