extension Reference {
  package struct LayerNorm {
    /// x + residual, [R, C].
    package var h: [Double]
    package var y: [Double]
    /// [R].
    package var mean: [Double]
    package var rstd: [Double]
  }

  /// h = x + residual, y = (h − μ) / √(σ² + ε) · gain + bias over C columns.
  package static func addLayerNormForward(
    _ x: [Double], residual: [Double]?, gain: [Double], bias: [Double], rows: Int, columns: Int,
    eps: Double = 1e-5
  ) -> LayerNorm {
    let h = residual.map { zip(x, $0).map(+) } ?? x
    var result = LayerNorm(h: h, y: h, mean: [], rstd: [])
    for r in 0..<rows {
      let row = h[r * columns..<(r + 1) * columns]
      let mean = row.reduce(0, +) / Double(columns)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let rstd = 1 / (variance + eps).squareRoot()
      for c in 0..<columns {
        result.y[r * columns + c] = (h[r * columns + c] - mean) * rstd * gain[c] + bias[c]
      }
      result.mean.append(mean)
      result.rstd.append(rstd)
    }
    return result
  }

  /// With n = (h − μ) · rstd and g = dY · gain: dH = rstd · (g − mean(g) − n · mean(g n)), dGain = Σᵣ dY n,
  /// dBias = Σᵣ dY.
  package static func layerNormBackward(
    _ dy: [Double], h: [Double], gain: [Double], mean: [Double], rstd: [Double], rows: Int, columns: Int
  ) -> (dH: [Double], dGain: [Double], dBias: [Double]) {
    var dH = [Double](repeating: 0, count: rows * columns)
    var dGain = [Double](repeating: 0, count: columns)
    var dBias = dGain
    for r in 0..<rows {
      let cells = r * columns..<(r + 1) * columns
      let n = h[cells].map { ($0 - mean[r]) * rstd[r] }
      let g = zip(dy[cells], gain).map(*)
      let meanG = g.reduce(0, +) / Double(columns)
      let meanGN = dot(g, n) / Double(columns)
      for c in 0..<columns {
        dH[r * columns + c] = rstd[r] * (g[c] - meanG - n[c] * meanGN)
        dGain[c] += dy[r * columns + c] * n[c]
        dBias[c] += dy[r * columns + c]
      }
    }
    return (dH, dGain, dBias)
  }
}
