/// target ← source, by all threads: for blocks of many megabytes.
package func copyBlock(_ source: UnsafeBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>) {
  precondition(source.count == target.count, "\(source.count) elements into \(target.count)")
  WorkerPool.shareRows(source.count, columns: 1) { part in
    (target.baseAddress! + part.lowerBound).update(
      from: source.baseAddress! + part.lowerBound, count: part.count)
  }
}
