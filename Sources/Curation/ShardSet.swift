import Basics
import Foundation
import ShardStream

/// How the shards and samples of a set that is written here are called: img2dataset's numbers, of equal length, so that
/// no two samples have one key.
struct ShardSet: Sendable {
  let samplesPerShard: Int
  /// Shards that there can be.
  let shardCount: Int
  /// Whether shards are `.tar.zst`.
  let isCompressed: Bool

  func shardName(_ shard: Int) -> String {
    "\(shard.padded(to: shardDigits)).tar" + (isCompressed ? ".zst" : "")
  }

  func key(shard: Int, sample: Int) -> String {
    shard.padded(to: shardDigits) + sample.padded(to: sampleDigits)
  }

  private var shardDigits: Int { max(5, String(max(0, shardCount - 1)).count) }
  private var sampleDigits: Int { max(4, String(samplesPerShard - 1).count) }
}

/// A picture by its first bytes, as far as shards name it.
enum PictureFormat: String, CaseIterable, Sendable {
  case jpg
  case png
  case webp

  init?(_ bytes: [UInt8]) {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpg
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.count >= 12, bytes.starts(with: "RIFF".utf8), bytes[8..<12].elementsEqual("WEBP".utf8) {
      self = .webp
    } else {
      return nil
    }
  }
}

/// A sample as it goes into a shard: `KEY.jpg`, `KEY.json`, `KEY.txt`.
struct OutputSample {
  var picture: [UInt8]
  var format: PictureFormat
  var caption: String
  var metadata: [String: Any]

  func write(to tar: TarWriter, key: String) throws {
    try tar.append(name: "\(key).\(format.rawValue)", bytes: picture)
    let json = try JSONSerialization.data(
      withJSONObject: metadata, options: [.sortedKeys, .withoutEscapingSlashes])
    try tar.append(name: "\(key).json", bytes: Array(json))
    try tar.append(name: "\(key).txt", bytes: Array(caption.utf8))
  }
}
