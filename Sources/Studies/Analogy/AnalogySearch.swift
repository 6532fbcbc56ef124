import Basics
import Charts
import Evaluation
import Imaging
import ShardStream

/// Pictures found by sums of features (question 4).
package struct AnalogySearch {
  private let encoder: any FeatureEncoder
  private let gallery: Gallery

  package init(_ encoder: any FeatureEncoder, _ gallery: Gallery) {
    (self.encoder, self.gallery) = (encoder, gallery)
  }

  /// The best `k` pictures that are no terms of the sum themselves, best first.
  package func find(_ sum: Arithmetic, k: Int) throws -> [RankedScore] {
    var total = [Float](repeating: 0, count: gallery.features.dimension)
    var used = Set<Int>()
    for term in sum.terms {
      for (place, value) in try unit(term, &used).enumerated() { total[place] += term.weight * value }
    }
    let found = gallery.best(total, k: k + used.count)[0]
    return Array(found.filter { !used.contains($0.index) }.prefix(k))
  }

  private func unit(_ term: Arithmetic.Term, _ used: inout Set<Int>) throws -> [Float] {
    let dimension = gallery.features.dimension
    let feature: [Float]
    switch term.kind {
    case .text: feature = encoder.textFeatures([term.value])
    case .image:
      let preparation = ImagePreparation(size: encoder.config.vision.imageSize)
      feature = encoder.imageFeatures(try PictureFile.pixels(term.value, preparation), count: 1)
    case .sample:
      guard let row = gallery.keys.firstIndex(of: term.value) else {
        throw KelipError(
          "no picture has the key \(term.value)", hint: "keys are those of the shards' samples")
      }
      used.insert(row)
      feature = Array(gallery.features.images[row * dimension..<(row + 1) * dimension])
    }
    return Features(images: feature, texts: [], dimension: dimension).normalised().images
  }

  /// The sums with what they find.
  package func sheet(_ sums: [(text: String, found: [RankedScore])]) throws -> SampleSheet {
    SampleSheet(
      title: "Sums of features",
      groups: try sums.map { sum in
        SampleSheet.Group(
          title: sum.text,
          tiles: try sum.found.map {
            SampleSheet.Tile(
              picture: try gallery.picture($0.index), caption: gallery.captions[$0.index],
              note: "\(gallery.keys[$0.index]) · \((1000 * $0.score).rounded() / 1000)")
          })
      })
  }
}
