import CKernels

/// The number format of a run's matrix products and saved activations (config key `model.precision`).
package enum Precision: String, Sendable, CaseIterable, Codable {
  /// 32-bit floats through OpenBLAS: the portable reference path.
  case fp32
  /// bfloat16 through oneDNN, with 32-bit sums.
  case bf16
}

/// A storage type of activations: `Float` or `BFloat16`. Towers are generic over it; arithmetic inside the
/// kernels is in 32-bit floats either way.
package protocol ComputeScalar: BitwiseCopyable, Sendable {
  static var precision: Precision { get }
  init(rounding value: Float)
  var float: Float { get }
}

extension Float: ComputeScalar {
  package static var precision: Precision { .fp32 }
  package init(rounding value: Float) { self = value }
  package var float: Float { self }
}

/// The upper half of a 32-bit float: 8 bits of exponent, 7 of fraction.
package struct BFloat16: ComputeScalar, Equatable {
  package var bits: UInt16

  package static var precision: Precision { .bf16 }

  package init(bits: UInt16) { self.bits = bits }

  /// Rounds to nearest, ties to even.
  package init(rounding value: Float) {
    let word = value.bitPattern
    let rounded = (word &+ 0x7FFF &+ ((word >> 16) & 1)) >> 16
    bits = UInt16(truncatingIfNeeded: value.isNaN ? (word >> 16) | 0x40 : rounded)
  }

  package var float: Float { Float(bitPattern: UInt32(bits) << 16) }
}

/// The C loops for a storage type.
@inline(__always)
func kernelTable<S: ComputeScalar>(_: S.Type) -> KelipKernelTable {
  switch S.precision {
  case .fp32: kelip_kernels_f32
  case .bf16: nativeBFloat16 ? kelip_kernels_bf16_native : kelip_kernels_bf16
  }
}

/// The processor converts to bfloat16 itself.
let nativeBFloat16 = kelip_bf16_native() != 0
