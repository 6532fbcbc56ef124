import Foundation

/// `quarantine.jsonl`: what was lost of the data, by reason.
struct Quarantine {
  struct Reason {
    var name: String
    var sampleCount = 0
    /// The first few.
    var examples: [String] = []
  }

  private static let shown = 3
  private static let maximumReasons = 200

  private(set) var sampleCount = 0
  private(set) var notes: [String] = []
  private var found: [String: Reason] = [:]

  /// Most first.
  var reasons: [Reason] { found.values.sorted { ($1.sampleCount, $0.name) < ($0.sampleCount, $1.name) } }

  /// A file that is not there is an empty one.
  init(_ url: URL) throws {
    var badLineCount = 0
    let summary = try LineReader(url).read { line in
      guard let fields = FlatJSON.values(line), case .text(let reason)? = fields["reason"] else {
        badLineCount += 1
        return
      }
      add(reason, fields)
    }
    if badLineCount > 0 {
      notes.append("\(counted(badLineCount, "line")) of quarantine.jsonl cannot be read")
    }
    if summary?.isTorn == true {
      notes.append("the last line of quarantine.jsonl has no end and is left out")
    }
  }

  private mutating func add(_ reason: String, _ fields: [String: FlatJSON.Value]) {
    var count = 1
    if case .number(let number)? = fields["count"] { count = Int(exactly: number) ?? 1 }
    sampleCount += count
    let name = found[reason] != nil || found.count < Self.maximumReasons ? reason : "others"
    var entry = found[name] ?? Reason(name: name)
    entry.sampleCount += count
    if entry.examples.count < Self.shown { entry.examples.append(Self.example(fields)) }
    found[name] = entry
  }

  private static func example(_ fields: [String: FlatJSON.Value]) -> String {
    func text(_ key: String) -> String? {
      if case .text(let text)? = fields[key] { String(text.prefix(300)) } else { nil }
    }
    let key = text("key") ?? text("keys.0")
    return [key, text("shard").map { "in \($0)" }, text("detail").map { "(\($0))" }].compactMap { $0 }
      .joined(separator: " ")
  }
}
