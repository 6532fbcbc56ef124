import Basics
internal import COpenBLAS

/// Single-precision matrix product through OpenBLAS, row major.
enum BLAS {
  /// A stored matrix: where it starts, how many elements lie between its rows, and whether its transpose is meant.
  struct Operand {
    var start: UnsafePointer<Float>
    var rowLength: Int
    var transposed = false

    init(_ start: UnsafePointer<Float>, rowLength: Int, transposed: Bool = false) {
      (self.start, self.rowLength, self.transposed) = (start, rowLength, transposed)
    }
  }

  /// C[M, N] = alpha · A[M, K] · B[K, N] + beta · C; `ldc` elements lie between rows of C. Corresponds to `cblas_sgemm`.
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, ldc: Int, m: Int, n: Int, k: Int,
    alpha: Float = 1, beta: Float = 0
  ) {
    guard m > 0, n > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a.start, blasint(a.rowLength), b.start, blasint(b.rowLength),
      beta, c, blasint(ldc))
  }

  /// The core type OpenBLAS runs, e.g. `SkylakeX`.
  static var coreName: String { String(cString: openblas_get_corename()) }
}

/// C[M, N] = alpha · A · B + beta · C on 32-bit floats, row major; for callers outside the towers (loss, ranking).
package func matrixMultiply(
  _ a: UnsafePointer<Float>, transposeA: Bool = false, _ b: UnsafePointer<Float>, transposeB: Bool = false,
  into c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int, alpha: Float = 1, beta: Float = 0
) {
  let span = Phase.product.begin(flops: 2 * Double(m) * Double(n) * Double(k))
  defer { span.end() }
  BLAS.multiply(
    .init(a, rowLength: transposeA ? m : k, transposed: transposeA),
    .init(b, rowLength: transposeB ? k : n, transposed: transposeB),
    into: c, ldc: n, m: m, n: n, k: k, alpha: alpha, beta: beta)
}
