#if canImport(Glibc)
  import Glibc
#endif

extension Reference {
  /// QuickGELU x · σ(1.702 x), or GELU x · Φ(x).
  package static func activationForward(_ kind: Activation, _ x: [Double]) -> [Double] {
    switch kind {
    case .quickGELU: x.map { $0 * sigmoid(1.702 * $0) }
    case .gelu: x.map { $0 * normalCDF($0) }
    }
  }

  /// dX = dY · act'(x).
  package static func activationBackward(_ kind: Activation, _ dy: [Double], x: [Double]) -> [Double] {
    switch kind {
    case .quickGELU:
      zip(dy, x).map { dy, x in
        let s = sigmoid(1.702 * x)
        return dy * (s + 1.702 * x * s * (1 - s))
      }
    case .gelu:
      zip(dy, x).map { dy, x in dy * (normalCDF(x) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()) }
    }
  }

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private static func normalCDF(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
}
