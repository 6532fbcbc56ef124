import Basics
import Collectives
import Evaluation
import Foundation
import Imaging
import ShardStream

/// Retrieval and loss on the first pairs of `data.validation`, during a run: the pairs are dealt to the ranks, so is the
/// ranking, and all get the same result.
final class Validation {
  private struct Language {
    var name: String
    /// Of the samples, in natural order.
    var numbers: [Int]
  }

  private let settings: ValidationSettings
  private let batchSize: Int
  private let languages: [Language]
  private let communicator: any Communicator
  let samples: EvaluationSamples

  /// Every rank calls it.
  ///
  /// - Parameter warn: is told of languages without pairs, on each rank.
  init?(_ plan: RunPlan, _ communicator: any Communicator, warn: (String) -> Void) throws {
    guard let settings = plan.config.validation else { return nil }
    let config = plan.config
    (self.settings, self.communicator, batchSize) = (settings, communicator, config.globalBatchSize)
    let urls = try communicator.agree { try ShardList.resolve(config.validationShards) }
    let catalogue = try ShardCatalogue.load(
      urls, communicator: communicator, sidecars: SidecarPlace(folder: config.indexDirectory))
    let samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: Self.piece,
      preparation: ImagePreparation(size: plan.model.vision.imageSize),
      threads: max(1, config.decodeThreads), maxPixels: config.maxPixels)
    self.samples = samples
    languages = try communicator.agree {
      let all = try settings.languages.map {
        Language(name: $0, numbers: try samples.numbers(ofLanguage: $0, limit: settings.pairs))
      }
      for language in all where language.numbers.isEmpty {
        warn("data.validation has no \(language.name) pairs")
      }
      let found = all.filter { !$0.numbers.isEmpty }
      guard !found.isEmpty else {
        throw KelipError(
          "no pairs of \(settings.languages.joined(separator: ", "))",
          at: config.validationShards.joined(separator: ", "),
          hint: "set validation.languages to those of data.validation; kelip data stats tells them")
      }
      return found
    }
  }

  /// Pairs that a rank embeds between two signs of life.
  private static let piece = 64

  /// - Parameter last: the run's last step.
  func isDue(step: Int, last: Int) -> Bool { step.isMultiple(of: settings.everySteps) || step == last }

  /// Every rank calls it with the same weights.
  func run(_ encoder: any FeatureEncoder) throws -> ValidationResult {
    let before = Activity.enter(.evaluating)
    defer { Activity.enter(before) }
    return ValidationResult(languages: try languages.map { try evaluate($0, encoder) })
  }

  private func evaluate(_ language: Language, _ encoder: any FeatureEncoder) throws
    -> ValidationResult.OfLanguage
  {
    let mine = try communicator.agree {
      let numbers = language.numbers[communicator.share(of: language.numbers.count)]
      return try PairEmbedding(encoder, samples).embed(numbers) { Activity.advance() }
    }
    let all = try mine.gathered(communicator)
    guard !all.numbers.isEmpty else {
      var error = KelipError("not one of the \(language.name) pairs to validate on can be read")
      error.isAgreed = true
      throw error
    }
    return ValidationResult.OfLanguage(
      language: language.name, report: try all.features.retrieval(communicator),
      loss: try PairLoss.mean(
        all.features, batchSize: batchSize, logitScale: encoder.logitScale, communicator),
      features: all.features, numbers: all.numbers)
  }
}
