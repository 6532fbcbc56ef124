import Foundation

/// What a build put where, and what it left out.
package struct BuildReport: Codable, Equatable, Sendable, CustomStringConvertible {
  /// Samples of one split, source and language.
  package struct Count: Codable, Equatable, Sendable {
    package var split: Split
    package var source: PictureSource
    package var language: CaptionLanguage
    package var samples: Int
  }

  package var directory: String
  package var pictureCount: Int
  /// Folder name → number of shards.
  package var shards: [String: Int]
  package var counts: [Count]
  /// Reason → how many pictures or captions.
  package var skipped: [String: Int]

  package var sampleCount: Int { counts.reduce(0) { $0 + $1.samples } }

  package func sampleCount(in split: Split) -> Int {
    counts.reduce(0) { $0 + ($1.split == split ? $1.samples : 0) }
  }

  /// Sorted keys, for programs.
  package func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  package var description: String {
    var lines = ["\(sampleCount) samples of \(pictureCount) pictures in \(directory)"]
    for split in Split.allCases {
      let total = sampleCount(in: split)
      lines.append("  \(split.rawValue): \(total) samples, \(shards[split.rawValue] ?? 0) shards")
      for count in counts where count.split == split {
        lines.append("    \(count.source.rawValue) \(count.language.rawValue): \(count.samples)")
      }
    }
    if !skipped.isEmpty { lines.append("  left out:") }
    for (reason, count) in skipped.sorted(by: { $0.key < $1.key }) {
      lines.append("    \(reason): \(count)")
    }
    return lines.joined(separator: "\n")
  }
}
