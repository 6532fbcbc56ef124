import Basics
import Foundation

/// The resolved configuration as it is saved beside a run, and what may differ on resuming.
package enum ResolvedConfig {
  /// Sections and keys that do not change what is computed.
  private static let free = [
    "run.directory", "data.decode_threads", "data.prefetch_batches", "data.validation",
    "data.index_directory", "data.read_retry_seconds", "data.zstd_cache_megabytes", "data.max_bad_fraction",
    "data.max_bad_fraction_after", "parallel.threads_per_rank", "parallel.bucket_megabytes",
    "parallel.micro_batch_size", "parallel.micro_batch_tokens", "parallel.gradient_wire",
    "parallel.hierarchical", "parallel.shard_optimizer", "optimizer.max_skipped_updates",
    "optimizer.loss_spike_deviations", "optimizer.loss_spike_steps", "optimizer.max_rollbacks",
  ]
  private static let freeSections = ["checkpoint.", "watchdog.", "log.", "evaluation."]

  /// YAML, a section a block, in the order in which sections are first read.
  package static func yaml(_ resolved: [(key: String, value: JSONText)]) -> String {
    var sections: [(name: String, lines: String)] = []
    for (key, value) in resolved {
      // JSON scalars and lists are YAML.
      guard let dot = key.firstIndex(of: ".") else {
        sections.append((key, "\(key): \(value.text)\n"))
        continue
      }
      let name = String(key[..<dot])
      let line = "  \(key[key.index(after: dot)...]): \(value.text)\n"
      if let place = sections.firstIndex(where: { $0.name == name }) {
        sections[place].lines += line
      } else {
        sections.append((name, "\(name):\n\(line)"))
      }
    }
    return sections.map(\.lines).joined()
  }

  /// Lines `key: saved → now` for every difference that would change the run; empty when it may go on.
  package static func differences(saved yaml: String, now resolved: [(key: String, value: JSONText)]) throws
    -> [String]
  {
    let old = try flatten(yaml)
    let new = try flatten(Self.yaml(resolved))
    return Set(old.keys).union(new.keys).sorted().compactMap { key in
      guard old[key] != new[key], !isFree(key) else { return nil }
      return "\(key): \(old[key] ?? "(none)") → \(new[key] ?? "(none)")"
    }
  }

  private static func isFree(_ key: String) -> Bool {
    free.contains(key) || freeSections.contains { key.hasPrefix($0) }
  }

  /// Our own two-level form, line by line.
  private static func flatten(_ yaml: String) throws -> [String: String] {
    var result: [String: String] = [:]
    var section = ""
    for line in yaml.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else {
        throw KelipError("not a saved configuration: \(line)")
      }
      if line.hasPrefix("  ") {
        let key = line[..<colon].trimmingCharacters(in: .whitespaces)
        result["\(section).\(key)"] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      } else {
        section = String(line[..<colon])
        let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        // A key without a section.
        if !value.isEmpty { result[section] = value }
      }
    }
    return result
  }
}
