import CKernels

/// What multiplies matrices.
package enum ProductEngine: Sendable, CaseIterable {
  /// 32-bit floats, everywhere.
  case openBLAS
  /// bfloat16, everywhere.
  case oneDNN
  /// bfloat16 on Intel's AMX, by our own kernels (`MatrixUnit.h`).
  case matrixUnit

  package var precision: Precision { self == .openBLAS ? .fp32 : .bf16 }

  package var isAvailable: Bool { self != .matrixUnit || kelip_matrix_unit() != 0 }

  /// For bf16, our own kernels where the processor has the unit, unless KELIP_MATRIX_UNIT=off.
  package static func preferred(_ precision: Precision) -> ProductEngine {
    guard precision == .bf16 else { return .openBLAS }
    return ProductEngine.matrixUnit.isAvailable ? .matrixUnit : .oneDNN
  }
}
