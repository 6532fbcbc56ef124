import Synchronization

/// The most recently used shards, kept open.
final class OpenShards: Sendable {
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

    /// A file that drops out is closed when its last reader is done with it. The stream is through with it for this
    /// epoch, and its pages make room for the shards that come.
    mutating func insert(_ file: ShardFile, _ shard: Int, capacity: Int) {
      uses += 1
      entries[shard] = Entry(file: file, lastUse: uses)
      guard entries.count > capacity else { return }
      let oldest = entries.min { $0.value.lastUse < $1.value.lastUse }!.key
      entries.removeValue(forKey: oldest)?.file.leavePageCache()
    }
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Opening happens outside the lock: two threads may open the same shard, and one of the two is kept.
  func file(_ shard: Int, open: () throws -> ShardFile) throws -> ShardFile {
    if let file = state.withLock({ $0.use(shard) }) { return file }
    let file = try open()
    return state.withLock { state in
      if let other = state.use(shard) { return other }
      state.insert(file, shard, capacity: capacity)
      return file
    }
  }
}
