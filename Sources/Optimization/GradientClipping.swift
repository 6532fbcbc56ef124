import Basics
import Kernels

/// Clipping by the global norm, as torch.nn.utils.clip_grad_norm_.
package enum GradientClipping {
  /// √Σ g², in 64 bits.
  package static func norm(_ gradients: UnsafeMutableBufferPointer<Float>) -> Double {
    let span = Phase.gradientNorm.begin()
    defer { span.end() }
    return sumOfSquares(gradients.baseAddress!, count: gradients.count).squareRoot()
  }

  /// The factor on every gradient: min(1, maxNorm / (norm + 1e-6)); 1 without a limit.
  package static func factor(norm: Double, maxNorm: Double?) -> Double {
    guard let maxNorm else { return 1 }
    let factor = maxNorm / (norm + 1e-6)
    // Not min(): it would turn a NaN into 1.
    return factor > 1 ? 1 : factor
  }
}
