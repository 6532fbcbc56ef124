import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// The scalars of one step of AdamW (Loshchilov & Hutter 2019) or Adam (Kingma & Ba 2015).
package struct AdamWStep: Sendable {
  package var lr: Double
  package var beta1: Double
  package var beta2: Double
  package var eps: Double
  package var weightDecay: Double
  /// Multiplies every gradient first: the clipping factor.
  package var gradientScale: Double
  /// 1 for the first update.
  package var step: Int

  package init(
    lr: Double, beta1: Double, beta2: Double, eps: Double, weightDecay: Double, gradientScale: Double,
    step: Int
  ) {
    (self.lr, self.beta1, self.beta2, self.eps) = (lr, beta1, beta2, eps)
    (self.weightDecay, self.gradientScale, self.step) = (weightDecay, gradientScale, step)
  }
}

/// One fused pass over `count` parameters: w, m, v are updated in place (torch.optim.AdamW's formula).
package func adamWUpdate(
  _ weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
  v: UnsafeMutablePointer<Float>, count: Int, _ step: AdamWStep
) {
  share(kelip_adamw, weights, gradients, m, v, count, KelipAdamW(step))
}

/// The same by torch.optim.Adam's formula: the decay is added to the scaled gradient, and so passes through both
/// moments.
package func adamUpdate(
  _ weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
  v: UnsafeMutablePointer<Float>, count: Int, _ step: AdamWStep
) {
  share(kelip_adam, weights, gradients, m, v, count, KelipAdamW(step))
}

/// Σ g²/max(v̂, ε²) over `count` parameters, v̂ being the second moment of the update to come without its bias: its mean
/// over a tensor is large where gradients grow faster than the moment follows (Wortsman et al. 2023, "Stable and
/// low-precision training for large-scale vision-language models", algorithm 2).
package func updateRatioSum(
  gradients: UnsafePointer<Float>, v: UnsafePointer<Float>, count: Int, _ step: AdamWStep
) -> Double {
  var settings = KelipAdamW(step)
  let stretch = 1 << 16
  let pieces = (count + stretch - 1) / stretch
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, pieces)) { sums in
    WorkerPool.forEach(pieces) { piece, _ in
      let start = piece * stretch
      sums[piece] = kelip_update_ratio_sum(
        gradients + start, v + start, Int64(min(stretch, count - start)), &settings)
    }
    return sums[..<pieces].reduce(0, +)
  }
}

private func share(
  _ rule: (
    UnsafeMutablePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?,
    UnsafeMutablePointer<Float>?, Int64, UnsafePointer<KelipAdamW>?
  ) -> Void,
  _ weights: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>,
  _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>, _ count: Int, _ settings: KelipAdamW
) {
  withUnsafePointer(to: settings) { settings in
    WorkerPool.share(count, grain: WorkerPool.worthSharing) { part in
      let start = part.lowerBound
      rule(weights + start, gradients + start, m + start, v + start, Int64(part.count), settings)
    }
  }
}

extension KelipAdamW {
  fileprivate init(_ step: AdamWStep) {
    self.init(
      lr: Float(step.lr), beta1: Float(step.beta1), beta2: Float(step.beta2), eps: Float(step.eps),
      weight_decay: Float(step.weightDecay), gradient_scale: Float(step.gradientScale),
      rest1: Float(1 - step.beta1), rest2: Float(1 - step.beta2),
      bias_correction1: Float(1 - pow(step.beta1, Double(step.step))),
      bias_correction2_sqrt: Float((1 - pow(step.beta2, Double(step.step))).squareRoot()))
  }
}
