import Foundation

/// The `_stats.json` that img2dataset leaves beside a shard once it is complete.
struct DownloadRecords: Sendable {
  private static let suffix = "_stats.json"

  /// Names of the records, by folder.
  private let names: [String: Set<String>]

  init(besides shards: [URL]) {
    let folders = Set(shards.map { $0.deletingLastPathComponent().path })
    names = folders.reduce(into: [:]) { names, folder in
      let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      names[folder] = Set(all.filter { $0.hasSuffix(Self.suffix) })
    }
  }

  enum Record: Equatable {
    /// No shard of the folder has one: these shards were made by something else.
    case notUsed
    /// Others have one, this shard has not: its download did not end.
    case missing
    case unreadable
    /// The number of samples that were downloaded.
    case successes(Int)
  }

  func record(of shard: URL) -> Record {
    let folder = shard.deletingLastPathComponent()
    let known = names[folder.path] ?? []
    guard !known.isEmpty else { return .notUsed }
    let name = Self.stem(of: shard.lastPathComponent) + Self.suffix
    guard known.contains(name) else { return .missing }
    guard let data = try? Data(contentsOf: folder.appendingPathComponent(name)),
      let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let successes = object["successes"] as? Int
    else { return .unreadable }
    return .successes(successes)
  }

  private static func stem(of name: String) -> String {
    [".tar.zst", ".tar"].first(where: name.hasSuffix).map { String(name.dropLast($0.count)) } ?? name
  }
}
