import Basics
import Checkpointing
import Foundation

/// What lies in `checkpoints/`. Sizes are looked at, contents are not: `kelip-worker` checks these when it resumes.
struct CheckpointList {
  struct Entry: Equatable {
    var name: String
    var step: Int
    var byteCount: Int
    /// Whether its manifest is there.
    var isWhole: Bool
  }

  /// By growing step.
  private(set) var entries: [Entry] = []
  private(set) var unfinishedNames: [String] = []
  /// The names that the files `latest` and `best` have.
  private(set) var latest: String?
  private(set) var best: String?
  private(set) var notes: [String] = []

  /// - Parameter root: the run's directory.
  init(root: URL) {
    let directory = CheckpointDirectory(root: root)
    do {
      entries = try directory.steps().map { Self.entry(directory.url(step: $0), $0) }
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.url.path)) ?? []
      unfinishedNames = names.filter { $0.contains(".partial-") }.sorted()
      latest = try Self.name(in: directory.url.appendingPathComponent("latest"))
      best = try Self.name(in: directory.url.appendingPathComponent("best"))
    } catch {
      notes.append("checkpoints: \(error)")
    }
  }

  private static func entry(_ url: URL, _ step: Int) -> Entry {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    let sizes = names.map { name in
      let attributes = try? FileManager.default.attributesOfItem(
        atPath: url.appendingPathComponent(name).path)
      return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
    return Entry(
      name: url.lastPathComponent, step: step, byteCount: sizes.reduce(0, +),
      isWhole: names.contains(CheckpointManifest.fileName))
  }

  private static func name(in url: URL) throws -> String? {
    var name: String?
    // The files have one line, with or without a break.
    guard let bytes = try SmallFile.read(url, atMost: 4096) else { return nil }
    name = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return name?.isEmpty == false ? name : nil
  }
}
