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
    let bytes = try bytes(source.members(sample).image, of: sample)
    let image: RGBImage
    do throws(ImageFault) {
      image = try ImageDecoder.decode(bytes, maxPixels: maxPixels)
    } catch {
      throw SampleFault.image(error)
    }
    try requireResizable(image)
    return image
  }

  private func requireResizable(_ image: RGBImage) throws(SampleFault) {
    let longerSide = largestSize * max(image.width, image.height) / min(image.width, image.height)
    guard longerSide <= max(maxPixels / largestSize, largestSize) else {
      throw .imageTooElongated(width: image.width, height: image.height)
    }
  }

  func caption(_ sample: SampleID) throws -> String {
    let range = source.members(sample).text
    try Self.requireCaptionSize(range.size)
    return try Self.caption(try bytes(range, of: sample))
  }

  static func requireCaptionSize(_ size: Int) throws(SampleFault) {
    guard size <= largestCaption else { throw .captionTooLarge(bytes: size) }
  }

  /// The `.json` member's text.
  func metadata(_ sample: SampleID) throws -> String? {
    guard let range = source.members(sample).metadata else { return nil }
    return String(validating: try bytes(range, of: sample), as: UTF8.self)
  }

  /// Compressed data that went bad after the shard was scanned cost the samples that lie there.
  private func bytes(_ range: MemberRange, of sample: SampleID) throws -> [UInt8] {
    do {
      return try source.bytes(range, of: sample)
    } catch let fault as TarFault {
      throw SampleFault.shard(fault.reason)
    }
  }

  /// UTF-8 without white space at its ends.
  static func caption(_ bytes: [UInt8]) throws(SampleFault) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .captionNotUTF8 }
    let trimmed = text.drop(while: \.isWhitespace)
    guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else { throw .captionEmpty }
    return String(trimmed[...last])
  }

  func skipped(_ sample: SampleID, _ fault: SampleFault) -> SkippedSample {
    SkippedSample(
      key: source.key(sample), shard: source.index.shards[sample.shard].url.path, fault: fault)
  }
}
