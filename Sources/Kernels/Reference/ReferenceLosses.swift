#if canImport(Glibc)
  import Glibc
#endif

extension Reference {
  /// Σ |x − t| and its gradient, times `factor`, by x.
  package static func l1(_ x: [Double], target: [Double], factor: Double) -> (loss: Double, dx: [Double]) {
    let differences = zip(x, target).map { $0 - $1 }
    let signs = differences.map { $0 > 0 ? factor : $0 < 0 ? -factor : 0 }
    return (differences.reduce(0) { $0 + abs($1) }, signs)
  }

  /// Σ over rows of ln Σ exp(z) − z[target] and its gradient, times `factor`, by z.
  package static func crossEntropy(
    _ logits: [Double], targets: [Int], columns: Int, factor: Double
  ) -> (loss: Double, dLogits: [Double]) {
    let rows = targets.count
    let lse = logSumExp(logits, rows: rows, columns: columns, scale: 1)
    let loss = targets.enumerated().reduce(0) {
      $0 + lse[$1.offset] - logits[$1.offset * columns + $1.element]
    }
    var gradient = softmaxRows(logits, rows: rows, columns: columns, scale: 1, causal: false).map {
      $0 * factor
    }
    for (row, target) in targets.enumerated() { gradient[row * columns + target] -= factor }
    return (loss, gradient)
  }
}
