import Basics
import Foundation
import Yams

/// `config.yaml` of a run: its text, and its values by dotted key.
struct ConfigText {
  private(set) var text = ""
  /// In the file's order.
  private(set) var values: [(key: String, value: String)] = []
  private(set) var notes: [String] = []

  private static let maximumBytes = 4 << 20

  init(_ url: URL) {
    do {
      guard let data = try SmallFile.read(url, atMost: Self.maximumBytes) else {
        notes.append("config.yaml is not there")
        return
      }
      text = String(decoding: data, as: UTF8.self)
      try read()
    } catch {
      notes.append("config.yaml: \(error)")
    }
  }

  subscript(_ key: String) -> String? { values.first { $0.key == key }?.value }

  private mutating func read() throws {
    guard let node = try Yams.compose(yaml: text) else { return }
    var reader = ConfigFlattening()
    try reader.flatten(node, "")
    values = reader.values
  }

  /// Steps of all stages together, where the configuration tells them.
  var totalSteps: Int? {
    let kinds = (self["stages"] ?? "[contrastive]").split { "[], \"".contains($0) }
    let steps = kinds.map { Int(self[$0 == "mae" ? "mae.steps" : "optimizer.steps"] ?? "") }
    return steps.contains(nil) || steps.isEmpty ? nil : steps.compactMap { $0 }.reduce(0, +)
  }
}

/// Makes dotted keys of a document.
private struct ConfigFlattening {
  var values: [(key: String, value: String)] = []
  /// Aliases of aliases make a small file a huge document.
  private var nodesLeft = 100_000

  init() {}

  mutating func flatten(_ node: Node, _ path: String) throws {
    try count()
    guard let mapping = node.mapping, !mapping.isEmpty else {
      if !path.isEmpty { values.append((path, try value(node))) }
      return
    }
    for (key, value) in mapping {
      let name = key.string ?? "?"
      try flatten(value, path.isEmpty ? name : "\(path).\(name)")
    }
  }

  /// On one line, texts without quotes.
  private mutating func value(_ node: Node) throws -> String {
    try count()
    if let sequence = node.sequence {
      return "[\(try sequence.map { try value($0) }.joined(separator: ", "))]"
    }
    if let mapping = node.mapping {
      let pairs = try mapping.map { "\($0.key.string ?? "?"): \(try value($0.value))" }
      return "{\(pairs.joined(separator: ", "))}"
    }
    return node.scalar?.string ?? ""
  }

  private mutating func count() throws {
    nodesLeft -= 1
    guard nodesLeft > 0 else { throw KelipError("too many values for a configuration") }
  }
}
