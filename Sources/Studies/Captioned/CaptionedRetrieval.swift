import Basics
import Collectives
import Evaluation
import Imaging
import ShardStream

/// Retrieval among picture files with several captions each, by the convention of COCO and Flickr30k: an image counts as
/// found by any of its captions, and each caption asks for its one image.
package struct CaptionedRetrieval {
  package let report: RetrievalReport
  /// Pictures that cannot be read or decoded, with why; they and their captions are left out.
  package let skipped: [String]
  private static let batchSize = 64

  private struct Part: Codable {
    var captionCounts: [Int] = []
    var skipped: [String] = []
  }

  /// Every rank calls it; the ranks share the work and all get the same figures.
  package init(
    _ encoder: any FeatureEncoder, _ pictures: CaptionedPictures, threads: Int,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws {
    let mine = pictures.entries[communicator.share(of: pictures.entries.count)]
    let (features, part) = try communicator.agree { try Self.embed(encoder, mine, threads) }
    let all = try features.normalised().gathered(communicator)
    let parts = try communicator.allGather(coding: part)
    skipped = parts.flatMap(\.skipped)
    let counts = parts.flatMap(\.captionCounts)
    guard !counts.isEmpty else { throw KelipError("not one picture can be read", at: skipped.first) }
    report = try all.retrieval(
      pictureOfText: counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }, communicator)
  }

  private static func embed(
    _ encoder: any FeatureEncoder, _ entries: ArraySlice<CaptionedPictures.Entry>, _ threads: Int
  ) throws -> (Features, Part) {
    let preparation = ImagePreparation(size: encoder.config.vision.imageSize)
    var features = Features(images: [], texts: [], dimension: encoder.config.embedDim)
    var part = Part()
    for start in stride(from: entries.startIndex, to: entries.endIndex, by: batchSize) {
      let batch = Array(entries[start..<min(start + batchSize, entries.endIndex)])
      let pixels = try concurrentMap(batch, threads: threads) { entry in
        Result { try PictureFile.pixels(entry.path, preparation) }
      }
      var (good, images) = ([CaptionedPictures.Entry](), [Float]())
      for (entry, result) in zip(batch, pixels) {
        switch result {
        case .success(let values):
          good.append(entry)
          images += values
        case .failure(let error): part.skipped.append("\(error)")
        }
      }
      features.images += encoder.imageFeatures(images, count: good.count)
      features.texts += encoder.textFeatures(texts: good.flatMap(\.captions))
      part.captionCounts += good.map(\.captions.count)
    }
    return (features, part)
  }
}
