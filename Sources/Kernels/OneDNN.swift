internal import COneDNNShims

/// bfloat16 matrix products, and convolutions, through oneDNN. A failure of the library is our own mistake or a lack of memory: it traps.
enum OneDNN {
  static var version: String { String(cString: kelip_dnn_version()) }

  static func matmul(
    _ shape: KelipMatmulShape, _ source: UnsafeRawPointer, _ weights: UnsafeRawPointer,
    bias: UnsafePointer<Float>? = nil, into destination: UnsafeMutableRawPointer
  ) {
    precondition(shape.k > 0, "inner dimension of 0")
    guard shape.m > 0, shape.n > 0 else { return }
    let status = withUnsafePointer(to: shape) { kelip_dnn_matmul($0, source, weights, bias, destination) }
    check(status, "matmul \(shape.m)×\(shape.k)×\(shape.n)")
  }

  static func preparedBytes(inputs: Int, outputs: Int) -> Int {
    let bytes = kelip_dnn_prepared_bytes(Int64(inputs), Int64(outputs))
    check(bytes < 0 ? 1 : 0, "weight layout \(inputs)×\(outputs)")
    return Int(bytes)
  }

  /// Narrows W ([N, K] if `transposed`, else [K, N]) into oneDNN's preferred layout of a [K, N] operand.
  static func prepare(
    inputs: Int, outputs: Int, transposed: Bool, _ weights: UnsafePointer<Float>,
    into prepared: UnsafeMutableRawPointer
  ) {
    check(
      kelip_dnn_prepare(Int64(inputs), Int64(outputs), transposed ? 1 : 0, weights, prepared),
      "weight reorder \(inputs)×\(outputs)")
  }

  /// The implementation that runs a typical product, e.g. `brg:avx512_core_amx_bf16`.
  static var kernelName: String {
    implementation(
      KelipMatmulShape(
        m: 768, k: 768, n: 768, source_transposed: 0, weight_layout: Int32(KELIP_PREPARED.rawValue),
        float_output: 0,
        has_bias: 0, accumulate: 0))
  }

  private static func implementation(_ shape: KelipMatmulShape) -> String {
    withUnsafePointer(to: shape) { String(cString: kelip_dnn_implementation($0)) }
  }

  /// What went wrong in this thread's last call that failed.
  static var lastError: String { String(cString: kelip_dnn_last_error()) }

  static func check(_ status: Int32, _ call: @autoclosure () -> String) {
    precondition(status == 0, "\(call()): \(lastError)")
  }
}
