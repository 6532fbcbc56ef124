import Basics
import Captions
import Imaging
import ShardStream

/// Reads a sample and measures what the rules need.
struct CandidateReader: Sendable {
  let needs: CandidateNeeds
  /// Larger pictures are not decoded; nil for the decoder's own limit, beyond which they are faults.
  let maxPixels: Int?
  let preparation: ImagePreparation?
  let countTokens: (@Sendable (String) -> Int)?

  /// - Throws: `SampleFault` for a sample that training could not use either.
  func read(_ sample: WalkedSample, from file: ShardFile) throws -> Candidate {
    let caption = try sample.caption(in: file)
    let bytes = try file.bytes(sample.members.image)
    let metadata = SampleMetadata(try sample.members.metadata.map(file.bytes))
    let picture = try measure(bytes)
    return Candidate(
      width: picture.width, height: picture.height, pictureDigest: Self.digest(bytes),
      perceptualHash: picture.hash, pixels: picture.pixels, originalCaption: caption, caption: caption,
      statedLanguage: metadata.language, countTokens: countTokens)
  }

  static func digest(_ bytes: [UInt8]) -> [UInt8] {
    let hasher = SHA256Hasher()
    bytes.withUnsafeBytes(hasher.update)
    return hasher.finalize()
  }

  private struct Picture {
    var width: Int
    var height: Int
    var hash: PerceptualHash?
    var pixels: [Float]?
  }

  private func measure(_ bytes: [UInt8]) throws(SampleFault) -> Picture {
    do throws(ImageFault) {
      let image = try ImageDecoder.decode(
        bytes, maxPixels: maxPixels ?? ImageDecoder.defaultMaxPixels, upright: true)
      return Picture(
        width: image.width, height: image.height,
        hash: needs.contains(.perceptualHash) ? PerceptualHash(image) : nil, pixels: prepared(image))
    } catch {
      // With a rule on pixels the size is the rule's business.
      guard case .tooLarge(let width, let height) = error, maxPixels != nil else { throw .image(error) }
      return Picture(width: width, height: height)
    }
  }

  private func prepared(_ image: RGBImage) -> [Float]? {
    guard let preparation, isResizable(image, size: preparation.size) else { return nil }
    return [Float](unsafeUninitializedCapacity: preparation.valueCount) { buffer, count in
      preparation.prepare(image, seed: 0, into: buffer)
      count = preparation.valueCount
    }
  }

  /// Whether resizing the shorter side to `size` makes a picture of a decodable size.
  private func isResizable(_ image: RGBImage, size: Int) -> Bool {
    let longerSide = size * max(image.width, image.height) / min(image.width, image.height)
    return longerSide <= max(ImageDecoder.defaultMaxPixels / size, size)
  }
}
