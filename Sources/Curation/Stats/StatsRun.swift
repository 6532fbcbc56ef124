import Basics
import Collectives
import Foundation
import ShardStream
import Tokenization

extension DataStatistics {
  package struct Options: Sendable {
    /// Also counts tokens.
    package var tokenizer: (any CaptionEncoder)?
    /// Decides which samples are shown.
    package var seed: UInt64 = 0
    package var samplesPerLanguage = 16
    /// Shards of a rank that are read at once.
    package var threads = 1

    package init() {}
  }

  /// The statistics of all shards, on the leader; nil elsewhere.
  ///
  /// Rank r reads shards r, r + N, r + 2N …; the result does not depend on N.
  package static func gather(
    _ urls: [URL], _ options: Options, _ communicator: any Communicator
  ) throws -> DataStatistics? {
    let scan = StatsScan(
      tokenizer: options.tokenizer, seed: options.seed, samplesPerLanguage: options.samplesPerLanguage)
    let own = Array(stride(from: communicator.rank, to: urls.count, by: communicator.worldSize))
    let progress = communicator.isLeader ? ShardProgress("read", total: urls.count) : nil
    let mine = try communicator.agree {
      var statistics = DataStatistics()
      for start in stride(from: 0, to: own.count, by: options.threads) {
        let numbers = Array(own[start..<min(own.count, start + options.threads)])
        let parts = try concurrentMap(numbers, threads: options.threads) {
          try scan.statistics(of: urls[$0], number: $0)
        }
        parts.forEach { statistics.merge($0) }
        progress?.advance(by: numbers.count * communicator.worldSize)
      }
      return statistics
    }
    progress?.finish()
    let all = try mine.gathered(communicator)
    return communicator.isLeader ? all : nil
  }
}
