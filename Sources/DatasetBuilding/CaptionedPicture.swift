import Basics
import Imaging

/// A caption's language; the raw value is what a sample's JSON says.
package enum CaptionLanguage: String, CaseIterable, Codable, Sendable {
  case english = "en"
  case korean = "ko"
}

/// Where a picture comes from; the raw value is what a sample's JSON says.
package enum PictureSource: String, CaseIterable, Codable, Sendable {
  case tuxpaintStamps = "tuxpaint-stamps"
  case notoEmoji = "noto-emoji"
}

/// A picture as it goes into the shards, with one caption in each of its languages.
package struct CaptionedPicture: Sendable {
  /// Stable across builds and machines, e.g. `tuxpaint-stamps/animals/birds/crow` or `noto-emoji/1f40b`.
  package var id: String
  package var source: PictureSource
  /// A stamp's top folder, an emoji's group.
  package var theme: String
  package var captions: [CaptionLanguage: String]
  package var width: Int
  package var height: Int
  package var jpeg: [UInt8]
  /// SHA-256 of size and RGB pixels: equal for pictures that look exactly alike.
  package var pixelDigest: String
}

extension CaptionedPicture {
  static let longestSide = 256
  static let jpegQuality = 95

  /// Shrinks the picture to at most 256 on its longer side and encodes it.
  init(
    id: String, source: PictureSource, theme: String, captions: [CaptionLanguage: String], image: RGBImage
  ) {
    let fitted = Self.fitted(image)
    self.init(
      id: id, source: source, theme: theme, captions: captions, width: fitted.width, height: fitted.height,
      jpeg: JPEGEncoder.encode(fitted, quality: Self.jpegQuality),
      pixelDigest: "\(fitted.width)x\(fitted.height):" + SHA256Hasher.hexDigest(of: fitted.pixels))
  }

  /// The same aspect with the longer side at most 256; smaller pictures stay as they are.
  static func fitted(_ image: RGBImage) -> RGBImage {
    let long = max(image.width, image.height)
    guard long > longestSide else { return image }
    let scale = Double(longestSide) / Double(long)
    return Resampling.resize(
      image, width: max(1, Int((Double(image.width) * scale).rounded())),
      height: max(1, Int((Double(image.height) * scale).rounded())))
  }
}

/// What a source gave: its pictures, and how many it left out for which reason.
struct PictureCollection {
  var pictures: [CaptionedPicture] = []
  var skipped: [String: Int] = [:]

  mutating func skip(_ reason: String) { skipped[reason, default: 0] += 1 }

  mutating func append(_ other: PictureCollection) {
    pictures += other.pictures
    skipped.merge(other.skipped, uniquingKeysWith: +)
  }
}
