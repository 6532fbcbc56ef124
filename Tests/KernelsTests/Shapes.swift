import Testing
import Kernels

/// A test case's rows and columns: 1, odd, prime, empty, beyond a vector's width, a tower's width.
struct MatrixShape: CustomTestStringConvertible, Sendable {
  var rows: Int
  var columns: Int

  var testDescription: String { "\(rows)×\(columns)" }

  static let awkward = [(1, 1), (3, 1), (1, 7), (0, 33), (5, 33), (7, 97), (2, 768), (33, 64)].map {
    MatrixShape(rows: $0.0, columns: $0.1)
  }
}

/// A bound for each path: 32-bit sums, or bfloat16's rounding of the result (2⁻⁹) and of what went before.
func tolerance<S: ComputeScalar>(_: S.Type, fp32: Double, bf16: Double) -> Double {
  S.precision == .fp32 ? fp32 : bf16
}
