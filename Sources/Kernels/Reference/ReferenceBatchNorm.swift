extension Reference {
  /// μ and σ² (biased) of each column of x[R, C].
  package static func batchMoments(
    _ x: [Double], rows: Int, columns: Int
  ) -> (mean: [Double], variance: [Double]) {
    let count = Double(max(1, rows))
    var (mean, variance) = ([Double](repeating: 0, count: columns), [Double](repeating: 0, count: columns))
    for i in 0..<rows * columns { mean[i % columns] += x[i] / count }
    for i in 0..<rows * columns {
      variance[i % columns] += (x[i] - mean[i % columns]) * (x[i] - mean[i % columns]) / count
    }
    return (mean, variance)
  }

  /// y = (x − μ) / √(σ² + ε) · gain + bias + residual, then max(0, y) with `relu`.
  package static func batchNormForward(
    _ x: [Double], residual: [Double]? = nil, mean: [Double], variance: [Double], gain: [Double],
    bias: [Double], relu: Bool = false, eps: Double = 1e-5
  ) -> [Double] {
    x.indices.map { i in
      let c = i % mean.count
      let y = (x[i] - mean[c]) / (variance[c] + eps).squareRoot() * gain[c] + bias[c] + (residual?[i] ?? 0)
      return relu ? max(0, y) : y
    }
  }

  /// With n = (x − μ) / √(σ² + ε): dX = gain / √(σ² + ε) · (dY − mean(dY) − n · mean(dY n)) where the statistics are the
  /// batch's, without both means where they are stored; dGain = Σᵣ dY n, dBias = Σᵣ dY.
  package static func batchNormBackward(
    _ dy: [Double], x: [Double], mean: [Double], variance: [Double], gain: [Double], ofBatch: Bool,
    eps: Double = 1e-5
  ) -> (dX: [Double], dGain: [Double], dBias: [Double]) {
    let columns = mean.count
    let rstd = variance.map { 1 / ($0 + eps).squareRoot() }
    let n = x.indices.map { (x[$0] - mean[$0 % columns]) * rstd[$0 % columns] }
    var (dGain, dBias) = ([Double](repeating: 0, count: columns), [Double](repeating: 0, count: columns))
    for i in x.indices {
      dGain[i % columns] += dy[i] * n[i]
      dBias[i % columns] += dy[i]
    }
    let share = ofBatch ? Double(columns) / Double(max(1, x.count)) : 0
    let dX = x.indices.map { i in
      let c = i % columns
      return gain[c] * rstd[c] * (dy[i] - share * dBias[c] - n[i] * share * dGain[c])
    }
    return (dX, dGain, dBias)
  }
}
