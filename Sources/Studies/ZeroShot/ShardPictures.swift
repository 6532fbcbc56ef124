import Basics
import Foundation
import Imaging
import ShardStream

/// Samples of shards whose metadata has their class, such as `theme` of the embedded data set.
package struct ShardPictures: LabelledPictures {
  package let labels: [String]
  private let numbers: [Int]
  private let samples: EvaluationSamples

  /// - Parameter key: of the `.json` members; samples without it are passed over.
  package init(_ shards: [String], key: String, preparation: ImagePreparation) throws {
    let catalogue = try ShardCatalogue.load(try ShardList.resolve(shards))
    let samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: 1, preparation: preparation)
    var (numbers, labels) = ([Int](), [String]())
    for number in 0..<samples.order.sampleCount {
      guard let label = try samples.metadata(number)?[key] as? String else { continue }
      numbers.append(number)
      labels.append(label)
    }
    guard !numbers.isEmpty else {
      throw KelipError("no sample's metadata has a text \"\(key)\"", at: shards.joined(separator: ", "))
    }
    (self.samples, self.numbers, self.labels) = (samples, numbers, labels)
  }

  package func name(_ number: Int) -> String { "sample \(numbers[number])" }

  package func pixels(_ number: Int, _ preparation: ImagePreparation) throws -> [Float] {
    let found = try samples.samples([numbers[number]])
    if let skipped = found.skipped.first { throw UnusablePicture(reason: skipped.reason) }
    return found.images
  }
}
