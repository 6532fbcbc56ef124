internal import CMPIShims

/// What is made of the parts of all ranks. MPI moves bytes; the arithmetic is done here, so that its order does
/// not depend on the algorithm that an MPI library picks.
enum Reduction {
  case sumFloat, sumDouble, maxDouble

  /// Bytes an element.
  var width: Int { self == .sumFloat ? MemoryLayout<Float>.stride : MemoryLayout<Double>.stride }

  /// Combines element-wise, from the first part to the last. `out` may be one of the parts.
  ///
  /// - Parameters:
  ///   - parts: one a rank, each `byteCount` long and aligned for the element.
  func combine(_ parts: [UnsafeRawPointer], into out: UnsafeMutableRawPointer, byteCount: Int) {
    let count = byteCount / width
    let partCount = Int32(parts.count)
    switch self {
    case .sumFloat:
      let typed = parts.map { Optional($0.assumingMemoryBound(to: Float.self)) }
      kelip_sum_parts_float(typed, partCount, out.assumingMemoryBound(to: Float.self), count)
    case .sumDouble:
      let typed = parts.map { Optional($0.assumingMemoryBound(to: Double.self)) }
      kelip_sum_parts_double(typed, partCount, out.assumingMemoryBound(to: Double.self), count)
    case .maxDouble:
      let typed = parts.map { Optional($0.assumingMemoryBound(to: Double.self)) }
      kelip_max_parts_double(typed, partCount, out.assumingMemoryBound(to: Double.self), count)
    }
  }
}
