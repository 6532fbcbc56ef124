import Basics
import Imaging

/// Reads and checks a sample's members; what a bad sample shows is a `SampleFault`.
struct SampleReader: Sendable {
  private static let largestCaption = 1 << 20

  let source: SampleSource
  let pictures: PictureReader

  func image(_ sample: SampleID) throws -> RGBImage {
    try bytes(try source.members(sample).image, of: sample).withUnsafeBytes { try pictures.image($0) }
  }

  /// See `PictureReader.draw`.
  func draw(
    _ crops: [ImagePreparation], of sample: SampleID, seed: (Int) -> UInt64,
    into output: (Int) -> UnsafeMutableBufferPointer<Float>
  ) throws {
    try bytes(try source.members(sample).image, of: sample).withUnsafeBytes {
      try pictures.draw(crops, of: $0, seed: seed, into: output)
    }
  }

  func caption(_ sample: SampleID) throws -> String {
    try Self.caption(try source.members(sample).text, in: try source.file(sample))
  }

  static func caption(_ range: MemberRange?, in file: ShardFile) throws -> String {
    guard let range else { preconditionFailure("the caption of a sample that has none") }
    try requireCaptionSize(range.size)
    return try caption(try bytes(range, in: file))
  }

  static func requireCaptionSize(_ size: Int) throws(SampleFault) {
    guard size <= largestCaption else { throw .captionTooLarge(bytes: size) }
  }

  /// The `.json` member's text.
  func metadata(_ sample: SampleID) throws -> String? {
    guard let range = try source.members(sample).metadata else { return nil }
    return String(validating: try bytes(range, of: sample), as: UTF8.self)
  }

  private func bytes(_ range: MemberRange, of sample: SampleID) throws -> [UInt8] {
    try Self.bytes(range, in: try source.file(sample))
  }

  /// Compressed data that are damaged cost the samples that lie there.
  static func bytes(_ range: MemberRange, in file: ShardFile) throws -> [UInt8] {
    do {
      return try file.bytes(at: range.offset, count: range.size)
    } catch let fault as TarFault {
      throw SampleFault.shard(fault.reason)
    }
  }

  /// UTF-8 without a byte order mark and without white space at its ends.
  static func caption(_ bytes: [UInt8]) throws(SampleFault) -> String {
    let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    guard let text = String(validating: hasMark ? bytes[3...] : bytes[...], as: UTF8.self) else {
      throw .captionNotUTF8
    }
    guard !bytes.contains(0) else { throw .captionHasNul }
    let trimmed = text.drop(while: \.isWhitespace)
    guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else { throw .captionEmpty }
    return String(trimmed[...last])
  }

  func skipped(_ sample: SampleID, _ fault: SampleFault) throws -> SkippedSample {
    SkippedSample(
      key: try source.key(sample), shard: source.catalogue.shards[sample.shard].path, fault: fault)
  }
}
