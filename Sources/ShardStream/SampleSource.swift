import Basics
import Foundation
import Synchronization

/// Reads members of indexed samples from their shards; any number of threads may read at once.
package final class SampleSource: Sendable {
  package let index: ShardIndex
  private let openShards: OpenShards

  /// - Parameter maxOpenFiles: how many shards stay open between reads.
  package init(index: ShardIndex, maxOpenFiles: Int = 64) {
    self.index = index
    openShards = OpenShards(capacity: maxOpenFiles)
  }

  package func key(_ sample: SampleID) -> String { index.shards[sample.shard].key(sample.index) }

  package func members(_ sample: SampleID) -> SampleMembers {
    index.shards[sample.shard].members(sample.index)
  }

  package func bytes(_ range: MemberRange, of sample: SampleID) throws -> [UInt8] {
    try file(sample).bytes(at: range.offset, count: range.size)
  }

  /// Lets the kernel read a sample ahead of its turn. A shard that cannot be opened shows when it is read.
  package func willNeed(_ sample: SampleID) {
    let extent = members(sample).extent
    try? file(sample).willNeed(offset: extent.lowerBound, count: extent.count)
  }

  func file(_ sample: SampleID) throws -> ShardFile {
    try openShards.file(sample.shard, url: index.shards[sample.shard].url)
  }
}

/// The most recently used shards, kept open.
private final class OpenShards: Sendable {
  private struct Entry {
    var file: ShardFile
    var lastUse: UInt64
  }

  private struct State {
    var entries: [Int: Entry] = [:]
    var uses: UInt64 = 0

    mutating func use(_ shard: Int) -> ShardFile? {
      uses += 1
      entries[shard]?.lastUse = uses
      return entries[shard]?.file
    }

    /// A file that drops out is closed when its last reader is done with it.
    mutating func insert(_ file: ShardFile, _ shard: Int, capacity: Int) {
      uses += 1
      entries[shard] = Entry(file: file, lastUse: uses)
      guard entries.count > capacity else { return }
      let oldest = entries.min { $0.value.lastUse < $1.value.lastUse }!.key
      entries[oldest] = nil
    }
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Opening happens outside the lock: two threads may open the same shard, and one of the two is kept.
  func file(_ shard: Int, url: URL) throws -> ShardFile {
    if let file = state.withLock({ $0.use(shard) }) { return file }
    let file = try ShardFile(url: url)
    return state.withLock { state in
      if let other = state.use(shard) { return other }
      state.insert(file, shard, capacity: capacity)
      return file
    }
  }
}
