#if canImport(Glibc)
  import Glibc
#endif

extension Reference {
  /// Loshchilov & Hutter 2019, algorithm 2, in torch.optim.AdamW's form.
  package static func adamWUpdate(
    _ weights: inout [Double], gradients: [Double], m: inout [Double], v: inout [Double], _ step: AdamWStep
  ) {
    for i in weights.indices {
      let g = gradients[i] * step.gradientScale
      m[i] = step.beta1 * m[i] + (1 - step.beta1) * g
      v[i] = step.beta2 * v[i] + (1 - step.beta2) * g * g
      let mHat = m[i] / (1 - pow(step.beta1, Double(step.step)))
      let vHat = v[i] / (1 - pow(step.beta2, Double(step.step)))
      weights[i] -= step.lr * (mHat / (vHat.squareRoot() + step.eps) + step.weightDecay * weights[i])
    }
  }

  /// Wortsman et al. 2023, algorithm 2: what the mean of is the square of RMS.
  package static func updateRatioSum(gradients: [Double], v: [Double], _ step: AdamWStep) -> Double {
    zip(gradients, v).reduce(0) { sum, pair in
      let g = pair.0 * step.gradientScale
      let vHat = (step.beta2 * pair.1 + (1 - step.beta2) * g * g) / (1 - pow(step.beta2, Double(step.step)))
      return sum + g * g / max(vHat, step.eps * step.eps)
    }
  }

  /// Kingma & Ba 2015, algorithm 1, with L2 regularisation in torch.optim.Adam's form.
  package static func adamUpdate(
    _ weights: inout [Double], gradients: [Double], m: inout [Double], v: inout [Double], _ step: AdamWStep
  ) {
    for i in weights.indices {
      let g = gradients[i] * step.gradientScale + step.weightDecay * weights[i]
      m[i] = step.beta1 * m[i] + (1 - step.beta1) * g
      v[i] = step.beta2 * v[i] + (1 - step.beta2) * g * g
      let mHat = m[i] / (1 - pow(step.beta1, Double(step.step)))
      let vHat = v[i] / (1 - pow(step.beta2, Double(step.step)))
      weights[i] -= step.lr * mHat / (vHat.squareRoot() + step.eps)
    }
  }
}
