import Basics
import Imaging

/// Reads and checks a sample's members; what a bad sample shows is a `SampleFault`.
struct SampleReader: Sendable {
  private static let largestCaption = 1 << 20

  let source: SampleSource
  /// Of a picture as it is, and of one whose shorter side is resized to `largestSize`.
  let maxPixels: Int
  let largestSize: Int

  func image(_ sample: SampleID) throws -> RGBImage {
    let bytes = try bytes(try source.members(sample).image, of: sample)
    return try Self.image(bytes, maxPixels: maxPixels, largestSize: largestSize)
  }

  static func image(_ bytes: [UInt8], maxPixels: Int, largestSize: Int) throws(SampleFault) -> RGBImage {
    let image: RGBImage
    do throws(ImageFault) {
      image = try ImageDecoder.decode(bytes, maxPixels: maxPixels, upright: true)
    } catch {
      throw .image(error)
    }
    let longerSide = largestSize * max(image.width, image.height) / min(image.width, image.height)
    guard longerSide <= max(maxPixels / largestSize, largestSize) else {
      throw .imageTooElongated(width: image.width, height: image.height)
    }
    return image
  }

  func caption(_ sample: SampleID) throws -> String {
    try Self.caption(try source.members(sample).text, in: try source.file(sample))
  }

  static func caption(_ range: MemberRange, in file: ShardFile) throws -> String {
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
