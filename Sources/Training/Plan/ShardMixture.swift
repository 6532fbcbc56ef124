import Basics
import Captions
import Foundation
import ShardStream

/// The shards of all entries, each once, and which of them are whose.
package struct ShardMixture: Sendable {
  private let entries: [TrainEntry]
  /// In the order in which entries name them.
  package private(set) var shards: [URL] = []
  /// For each entry, the numbers of its shards in `shards`.
  private var numbers: [[Int]] = []

  /// Throws where two entries would take the same sample.
  package init(_ entries: [TrainEntry]) throws {
    self.entries = entries
    var known: [URL: (number: Int, entries: [TrainEntry])] = [:]
    for entry in entries {
      numbers.append(
        try ShardList.resolve(entry.shards).map { url in
          let earlier = known[url]?.entries ?? []
          try Self.checkApart(entry, earlier, url)
          let number = known[url]?.number ?? shards.count
          if number == shards.count { shards.append(url) }
          known[url] = (number, earlier + [entry])
          return number
        })
    }
  }

  private static func checkApart(_ entry: TrainEntry, _ others: [TrainEntry], _ url: URL) throws {
    let other = others.first {
      $0.language == nil || entry.language == nil || $0.language == entry.language
    }
    guard let other else { return }
    throw KelipError(
      "the entries \"\(other.name)\" and \"\(entry.name)\" of data.train both take samples of this shard",
      at: url.path,
      hint: "list a shard once, or once for each language; to see it more often, raise its weight")
  }

  /// - Parameter count: how many samples a shard has in a language, or in all of them for nil.
  package func components(
    count: (_ shard: Int, _ language: CaptionLanguage?) -> Int
  ) throws -> [MixtureComponent] {
    let weights =
      entries.allSatisfy { $0.weight != nil } ? WholeWeights.from(entries.map { $0.weight! }) : nil
    return try entries.indices.map { place in
      let entry = entries[place]
      let component = MixtureComponent(
        name: entry.name, language: entry.language, shards: numbers[place],
        counts: numbers[place].map { count($0, entry.language) }, weight: weights?[place])
      guard component.sampleCount > 0 || entries.count == 1 && entry.language == nil else {
        let language = entry.language.map { " in language \($0.tag)" } ?? ""
        throw KelipError(
          "the shards of \"\(entry.name)\" hold no sample\(language)", at: "data.train[\(place + 1)]",
          hint: "leave the entry out, or give it other shards")
      }
      return component
    }
  }
}

extension GlobalOrder {
  /// The order that a configuration asks for.
  package init(_ config: TrainConfig, _ components: [MixtureComponent]) throws {
    try self.init(
      seed: config.seed, components: components, globalBatchSize: config.globalBatchSize,
      canonicalStreams: config.canonicalStreams, shuffleWindow: config.shuffleWindow)
  }
}
