#if canImport(Glibc)
  import Glibc
#endif

/// Σ over rows of −ln softmax(logits)[target], and dLogits = factor · (softmax(logits) − one-hot of the target).
///
/// - Parameters:
///   - logits: [R, C], one row a target.
///   - targets: the right column of each row.
///   - dLogits: [R, C], written.
package func crossEntropyLossAndGradient(
  _ logits: UnsafePointer<Float>, targets: ArraySlice<Int32>, columns: Int,
  into dLogits: UnsafeMutablePointer<Float>, factor: Float
) -> Double {
  var loss = 0.0
  for (row, target) in targets.enumerated() {
    precondition(target >= 0 && Int(target) < columns, "target outside the columns")
    let scores = logits + row * columns
    var (top, sum) = (-Float.greatestFiniteMagnitude, 0.0)
    logSumExpTile(scores, rows: 1, columns: columns, scale: 1, maximum: &top, sum: &sum)
    loss += Double(top) + log(sum) - Double(scores[Int(target)])
  }
  dLogits.update(from: logits, count: targets.count * columns)
  softmaxRows(dLogits, rows: targets.count, columns: columns, scale: 1, causal: false)
  scale(dLogits, by: factor, count: targets.count * columns)
  for (row, target) in targets.enumerated() { dLogits[row * columns + Int(target)] -= factor }
  return loss
}
