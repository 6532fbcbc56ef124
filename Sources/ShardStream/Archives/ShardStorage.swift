import Synchronization

/// How this process reads shards: what every file has in common.
package enum ShardStorage {
  private static let current = Mutex(ReadRetry())

  /// Used by shards that are opened from now on.
  package static var retry: ReadRetry {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }

  /// Bytes that decompressed parts of `.tar.zst` shards may take in this process.
  package static var zstdCacheBytes: Int {
    get { ZstdPieceCache.shared.budget }
    set { ZstdPieceCache.shared.budget = newValue }
  }
}
