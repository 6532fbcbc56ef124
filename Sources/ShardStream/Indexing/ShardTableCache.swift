import Foundation

/// The most recently used tables, within a budget of bytes; any number of threads may ask.
///
/// A table is loaded by the thread that asks first, outside the lock; others who want the same one wait for it.
final class ShardTableCache: @unchecked Sendable {
  // Unchecked: everything mutable is used with `condition` locked.

  private struct Entry {
    var table: ShardTable
    var lastUse: UInt64
  }

  private let budget: Int
  private let condition = NSCondition()
  private var entries: [Int: Entry] = [:]
  private var loading: Set<Int> = []
  private var uses: UInt64 = 0
  private(set) var byteCount = 0

  /// - Parameter budget: bytes of the tables that are kept; the newest is kept however large it is.
  init(budget: Int) { self.budget = budget }

  /// An error of `load` is thrown here; others who waited try for themselves.
  func table(_ shard: Int, load: () throws -> ShardTable) throws -> ShardTable {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let table = use(shard) { return table }
      guard loading.contains(shard) else { break }
      condition.wait()
    }
    loading.insert(shard)
    condition.unlock()
    let result = Result { try load() }
    condition.lock()
    loading.remove(shard)
    condition.broadcast()
    let table = try result.get()
    insert(table, shard)
    return table
  }

  private func use(_ shard: Int) -> ShardTable? {
    uses += 1
    entries[shard]?.lastUse = uses
    return entries[shard]?.table
  }

  private func insert(_ table: ShardTable, _ shard: Int) {
    entries[shard] = Entry(table: table, lastUse: uses)
    byteCount += table.byteCount
    while byteCount > budget, entries.count > 1 {
      let oldest = entries.min { $0.value.lastUse < $1.value.lastUse }!.key
      byteCount -= entries.removeValue(forKey: oldest)!.table.byteCount
    }
  }
}
