import Basics
import Captions

/// One ingredient of what a run trains on: some shards, all of their samples or those in one language.
package struct MixtureComponent: Sendable, Equatable {
  /// For people.
  package let name: String
  /// Only samples in this language; nil for all.
  package let language: CaptionLanguage?
  /// The numbers of its shards in the list of all shards.
  package let shards: [Int]
  /// How many of each shard's samples belong to it.
  package let counts: [Int]
  /// Its part of every batch, beside the other components' weights.
  package let weight: Int
  package let sampleCount: Int

  /// - Parameter weight: nil for the number of samples, so that all components end together.
  package init(
    name: String = "all", language: CaptionLanguage? = nil, shards: [Int], counts: [Int], weight: Int? = nil
  ) {
    precondition(shards.count == counts.count && weight.map { $0 > 0 } ?? true)
    self.name = name
    self.language = language
    self.shards = shards
    self.counts = counts
    sampleCount = counts.reduce(0, +)
    self.weight = weight ?? sampleCount
  }
}

/// One sample as the order names it: the pass over its component, and where it lies.
package struct SampleDraw: Hashable, Sendable {
  package let component: Int
  /// Of the component.
  package let epoch: Int
  /// In the list of all shards.
  package let shard: Int
  /// Among the samples of the shard that belong to the component.
  package let ordinal: Int
}
