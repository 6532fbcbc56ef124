import Basics
import Collectives
import Evaluation
import Imaging
import ShardStream

/// The pictures of shards, each once, with their features: what queries are looked up in.
package struct Gallery {
  /// Unit rows, as images; no texts.
  package let features: Features
  /// Of the samples, a row each.
  package let numbers: [Int]
  package let keys: [String]
  package let captions: [String]
  package let skipped: [String: Int]
  private let samples: EvaluationSamples

  package var count: Int { numbers.count }

  /// Every rank calls it; the ranks share the pictures and all get the same gallery.
  ///
  /// - Parameters:
  ///   - pictureKey: of the samples' metadata; samples that agree in it show the same picture, and the first stands for it.
  ///     Samples without it are pictures of their own.
  ///   - language: only samples in it; all where nil.
  ///   - limit: the first so many pictures.
  package init(
    _ encoder: any FeatureEncoder, shards: [String], pictureKey: String, language: String? = nil,
    limit: Int? = nil, threads: Int,
    _ communicator: any Communicator = SoloCommunicator()
  ) throws {
    let urls = try communicator.agree { try ShardList.resolve(shards) }
    let catalogue = try ShardCatalogue.load(urls, communicator: communicator)
    let samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: 64,
      preparation: ImagePreparation(size: encoder.config.vision.imageSize), threads: threads)
    let found = try communicator.agree {
      let wanted = try Self.pictures(samples, pictureKey, language).prefix(limit ?? .max)
      return try PairEmbedding(encoder, samples).embed(
        Array(wanted)[communicator.share(of: wanted.count)], embedsTexts: false)
    }
    let all = try found.gathered(communicator)
    (features, numbers, keys, captions) = (all.features, all.numbers, all.keys, all.captions)
    let reasons = try communicator.allGather(coding: found.skipped.map(\.reason)).flatMap { $0 }
    skipped = reasons.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    self.samples = samples
    guard !numbers.isEmpty else {
      throw KelipError("there are no pictures", at: shards.joined(separator: ", "))
    }
  }

  private static func pictures(
    _ samples: EvaluationSamples, _ key: String, _ language: String?
  ) throws -> [Int] {
    var seen = Set<String>()
    return try samples.numbers(ofLanguage: language).filter { number in
      guard let picture = try samples.metadata(number)?[key] as? String else { return true }
      return seen.insert(picture).inserted
    }
  }

  package func picture(_ row: Int) throws -> RGBImage { try samples.picture(numbers[row]) }

  /// The rows whose pictures are most like queries, best first.
  ///
  /// - Parameter queries: Q × D, of any length.
  package func best(_ queries: [Float], k: Int) -> [[RankedScore]] {
    Features(images: features.images, texts: queries, dimension: features.dimension)
      .normalisedTexts().bestImages(k: k)
  }
}
