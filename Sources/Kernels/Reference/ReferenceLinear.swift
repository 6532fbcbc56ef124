extension Reference {
  /// Where W(k, n), input k's weight for output n, lies in a stored matrix.
  struct WeightIndex {
    var inputs: Int
    var outputs: Int
    var layout: WeightLayout

    func callAsFunction(_ k: Int, _ n: Int) -> Int {
      switch layout {
      case .outputsByInputs: n * inputs + k
      case .inputsByOutputs: k * outputs + n
      }
    }
  }

  /// y[r, n] = Σₖ x[r, k] W(k, n) + b[n].
  package static func linearForward(
    _ x: [Double], weight: [Double], bias: [Double]?, rows: Int, inputs: Int, outputs: Int,
    layout: WeightLayout
  ) -> [Double] {
    let at = WeightIndex(inputs: inputs, outputs: outputs, layout: layout)
    var y = [Double](repeating: 0, count: rows * outputs)
    for r in 0..<rows {
      for n in 0..<outputs {
        var sum = bias?[n] ?? 0
        for k in 0..<inputs { sum += x[r * inputs + k] * weight[at(k, n)] }
        y[r * outputs + n] = sum
      }
    }
    return y
  }

  /// dX[r, k] = Σₙ dY[r, n] W(k, n).
  package static func linearBackwardInput(
    _ dy: [Double], weight: [Double], rows: Int, inputs: Int, outputs: Int, layout: WeightLayout
  ) -> [Double] {
    let at = WeightIndex(inputs: inputs, outputs: outputs, layout: layout)
    var dx = [Double](repeating: 0, count: rows * inputs)
    for r in 0..<rows {
      for k in 0..<inputs {
        for n in 0..<outputs { dx[r * inputs + k] += dy[r * outputs + n] * weight[at(k, n)] }
      }
    }
    return dx
  }

  /// dW(k, n) = Σᵣ x[r, k] dY[r, n], dB[n] = Σᵣ dY[r, n].
  package static func linearBackwardWeight(
    _ x: [Double], _ dy: [Double], rows: Int, inputs: Int, outputs: Int, layout: WeightLayout
  ) -> (dWeight: [Double], dBias: [Double]) {
    let at = WeightIndex(inputs: inputs, outputs: outputs, layout: layout)
    var dWeight = [Double](repeating: 0, count: inputs * outputs)
    var dBias = [Double](repeating: 0, count: outputs)
    for r in 0..<rows {
      for n in 0..<outputs {
        dBias[n] += dy[r * outputs + n]
        for k in 0..<inputs { dWeight[at(k, n)] += x[r * inputs + k] * dy[r * outputs + n] }
      }
    }
    return (dWeight, dBias)
  }
}
