import Foundation
import Objectives

/// The losses of a batch's crops as they come in, and their mean. Lives from step to step, for its memory.
struct CropLosses {
  static var whole: String { "contrastive_loss" }

  private var logitScale: Float = 0
  private(set) var losses: [(name: String, value: Double)] = []
  private(set) var dLogitScale = 0.0
  private var communicationSeconds = 0.0
  private var languages = LanguageLosses()
  /// The whole, then each group of crops where there are several.
  private var terms: [(name: String, value: Double)] = []
  /// Of each crop: its name, and the place of its group in `terms`.
  private var groups: [(name: String, term: Int)] = []

  mutating func begin(logitScale: Float) {
    self.logitScale = logitScale
    losses.removeAll(keepingCapacity: true)
    (dLogitScale, communicationSeconds, languages) = (0, 0, LanguageLosses())
  }

  /// - Parameter languages: the crop's losses by the languages of its pairs.
  mutating func add(_ crop: ContrastiveResult, _ name: String, _ languages: LanguageLosses) {
    losses.append((name, crop.loss))
    self.languages += languages
    dLogitScale += crop.dLogitScale
    communicationSeconds += crop.communicationSeconds
  }

  var result: ObjectiveResult {
    mutating get {
      if !groups.elementsEqual(losses, by: { $0.name == $1.name }) { nameTerms() }
      for term in terms.indices { terms[term].value = 0 }
      let loss = losses.reduce(0) { $0 + $1.value } / Double(losses.count)
      if losses.count > 1 {
        for (crop, group) in zip(losses, groups) { terms[group.term].value += crop.value }
        for term in terms.indices.dropFirst() {
          terms[term].value /= Double(groups.reduce(0) { $0 + ($1.term == term ? 1 : 0) })
        }
      }
      terms[0].value = loss
      return ObjectiveResult(
        loss: loss, terms: terms, languages: languages, logitScale: exp(Double(logitScale)),
        communicationSeconds: communicationSeconds)
    }
  }

  /// Once a stage: its crops stay the same.
  private mutating func nameTerms() {
    terms = [(Self.whole, 0)]
    groups = losses.map { crop in
      guard losses.count > 1 else { return (crop.name, 0) }
      let name = "\(Self.whole)_\(crop.name)"
      if let known = terms.firstIndex(where: { $0.name == name }) { return (crop.name, known) }
      terms.append((name, 0))
      return (crop.name, terms.count - 1)
    }
  }
}
