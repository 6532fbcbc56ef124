import ShardStream

extension TrainConfig {
  /// Lets this process read shards as configured.
  ///
  /// - Parameter report: gets a line when a file begins to fail; from any thread.
  package func prepareStorage(report: @escaping @Sendable (String) -> Void) {
    var retry = ReadRetry()
    retry.limitSeconds = readRetrySeconds
    retry.report = report
    ShardStorage.retry = retry
    ShardStorage.zstdCacheBytes = zstdCacheBytes
  }
}
