import CKernels

/// What multiplies matrices.
package enum ProductEngine: Sendable, CaseIterable {
  /// 32-bit floats, everywhere.
  case openBLAS
  /// 32-bit floats on AVX-512, by our own kernels (`FloatProducts.h`).
  case vectorUnit
  /// bfloat16, everywhere.
  case oneDNN
  /// bfloat16 on Intel's AMX, by our own kernels (`MatrixUnit.h`).
  case matrixUnit

  package var precision: Precision {
    switch self {
    case .openBLAS, .vectorUnit: .fp32
    case .oneDNN, .matrixUnit: .bf16
    }
  }

  package var isAvailable: Bool {
    switch self {
    case .openBLAS, .oneDNN: true
    case .vectorUnit: kelip_vector_unit() != 0
    case .matrixUnit: kelip_matrix_unit() != 0
    }
  }

  /// Our own kernels where the processor has what they need, unless KELIP_MATRIX_UNIT=off.
  package static func preferred(_ precision: Precision) -> ProductEngine {
    let (own, library): (ProductEngine, ProductEngine) =
      switch precision {
      case .fp32: (.vectorUnit, .openBLAS)
      case .bf16: (.matrixUnit, .oneDNN)
      }
    return own.isAvailable ? own : library
  }
}
