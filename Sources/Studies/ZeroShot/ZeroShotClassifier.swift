import Basics
import Captions
import Collectives
import Evaluation
import Foundation
import Imaging
import ShardStream

/// Tells pictures apart by the names of their classes alone (Radford et al. 2021, section 3.1): a class is the mean of the
/// unit features of its names in all prompts, made one long.
package struct ZeroShotClassifier {
  package let classes: ClassList
  private let encoder: any FeatureEncoder
  /// C × D
  private let classFeatures: [Float]
  private static let batchSize = 64

  package init(
    _ encoder: any FeatureEncoder, _ classes: ClassList, language: String, prompts: [NameTemplate]
  ) {
    (self.encoder, self.classes) = (encoder, classes)
    let dimension = encoder.config.embedDim
    let means = classes.classes.flatMap { item -> [Float] in
      let texts = (item.names[language] ?? [item.label]).flatMap { name in
        prompts.map { $0.filled(with: name) }
      }
      let unit = Self.unit(encoder.textFeatures(texts: texts), dimension)
      return (0..<dimension).map { place in
        stride(from: place, to: unit.count, by: dimension).reduce(0) { $0 + unit[$1] } / Float(texts.count)
      }
    }
    classFeatures = Self.unit(means, dimension)
  }

  private static func unit(_ rows: [Float], _ dimension: Int) -> [Float] {
    Features(images: rows, texts: [], dimension: dimension).normalised().images
  }

  /// What pictures of known classes are told to be; pictures that cannot be used are left out.
  ///
  /// - Parameters:
  ///   - pictures: their labels are all in the list.
  ///   - communicator: its ranks share the pictures; all get the same report.
  /// - Returns: the report, and how many pictures were left out, by reason.
  package func report(
    on pictures: any LabelledPictures, threads: Int, _ communicator: any Communicator = SoloCommunicator()
  ) throws -> (report: ClassificationReport, skipped: [String: Int]) {
    var report = ClassificationReport(labels: classes.labels)
    var skipped: [String: Int] = [:]
    let mine = communicator.share(of: pictures.labels.count)
    for start in stride(from: mine.lowerBound, to: mine.upperBound, by: Self.batchSize) {
      let numbers = start..<min(start + Self.batchSize, mine.upperBound)
      let batch = try read(numbers, pictures, threads)
      for case .failure(let fault) in batch { skipped[fault.reason, default: 0] += 1 }
      let good = zip(numbers, batch).compactMap { number, item in (try? item.get()).map { (number, $0) } }
      for (label, best) in zip(good.map { classes.places[pictures.labels[$0.0]]! }, told(good.map(\.1))) {
        report.add(label, best: best)
      }
    }
    guard communicator.worldSize > 1 else { return (report, skipped) }
    var whole = ClassificationReport(labels: classes.labels)
    for counts in try communicator.allGather(coding: report.counts) { whole.add(counts) }
    let all = try communicator.allGather(coding: skipped)
    return (whole, all.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) })
  }

  private func read(
    _ numbers: Range<Int>, _ pictures: any LabelledPictures, _ threads: Int
  ) throws -> [Result<[Float], UnusablePicture>] {
    let preparation = ImagePreparation(size: encoder.config.vision.imageSize)
    return try concurrentMap(Array(numbers), threads: threads) { number in
      do {
        return .success(try pictures.pixels(number, preparation))
      } catch let fault as UnusablePicture {
        return .failure(fault)
      }
    }
  }

  /// For each picture its five likeliest classes, best first.
  private func told(_ pictures: [[Float]]) -> [[Int]] {
    let dimension = encoder.config.embedDim
    let features = Features(
      images: classFeatures,
      texts: encoder.imageFeatures(pictures.flatMap { $0 }, count: pictures.count), dimension: dimension
    ).normalised()
    return features.bestImages(k: 5).map { $0.map(\.index) }
  }
}
