import Basics
import Foundation
import ShardStream

/// What a sample's `.json` member says, besides what every img2dataset shard has.
struct SampleRecord: Encodable {
  var key: String
  var caption: String
  var language: CaptionLanguage
  var theme: String
  var source: PictureSource
  var picture: String
  var width: Int
  var height: Int
  /// Of the JPEG member.
  var sha256: String
}

/// Writes one split as `00000.tar`, `00001.tar`, … in img2dataset's layout: members `KEY.jpg`, `KEY.json`,
/// `KEY.txt` side by side, where KEY is five digits of shard and four of sample.
struct ShardSetWriter {
  static let samplesPerShard = 500
  let directory: String

  /// Builds beside the old shards and replaces them when all are there. A folder that holds anything else
  /// than shards is left alone.
  ///
  /// - Returns: the number of shards.
  func write(_ samples: [PlannedSample], of pictures: [CaptionedPicture]) throws -> Int {
    let building = directory + ".building"
    try? FileManager.default.removeItem(atPath: building)
    try FileManager.default.createDirectory(atPath: building, withIntermediateDirectories: true)
    let count = max(1, Int((Double(samples.count) / Double(Self.samplesPerShard)).rounded()))
    for shard in 0..<count {
      let range = samples.count * shard / count..<samples.count * (shard + 1) / count
      try writeShard(shard, samples[range], pictures, directory: building)
    }
    try replace(with: building)
    return count
  }

  /// Throws when the folder holds what no build has put there.
  func requireReplaceable() throws {
    let present = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for name in present where !Self.isShardName(name) {
      throw KelipError(
        "holds other files than shards (\(name)), and the build replaces the whole folder", at: directory,
        hint: "choose another --out, or move that file away")
    }
  }

  static func isShardName(_ name: String) -> Bool {
    name.hasSuffix(".tar") && name.utf8.count == 9
      && name.utf8.prefix(5).allSatisfy { (48...57).contains($0) }
  }

  private func replace(with building: String) throws {
    try requireReplaceable()
    if FileManager.default.fileExists(atPath: directory) {
      try FileManager.default.removeItem(atPath: directory)
    }
    try FileManager.default.moveItem(atPath: building, toPath: directory)
  }

  private func writeShard(
    _ shard: Int, _ samples: ArraySlice<PlannedSample>, _ pictures: [CaptionedPicture], directory: String
  ) throws {
    let tar = try TarWriter(path: "\(directory)/\(shard.padded(to: 5)).tar")
    for (index, sample) in samples.enumerated() {
      let picture = pictures[sample.picture]
      let key = shard.padded(to: 5) + index.padded(to: 4)
      let caption = picture.captions[sample.language]!
      let record = SampleRecord(
        key: key, caption: caption, language: sample.language, theme: picture.theme, source: picture.source,
        picture: picture.id, width: picture.width, height: picture.height,
        sha256: SHA256Hasher.hexDigest(of: picture.jpeg))
      try tar.append(name: key + ".jpg", bytes: picture.jpeg)
      try tar.append(name: key + ".json", bytes: Self.json(record))
      try tar.append(name: key + ".txt", bytes: Array(caption.utf8))
    }
    try tar.finish()
  }

  private static func json(_ record: SampleRecord) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(record))
  }
}
