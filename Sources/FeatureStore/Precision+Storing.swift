import Checkpointing
import Kernels

extension Precision {
  var tensorType: TensorType { self == .fp32 ? .float32 : .bfloat16 }

  /// Writes values as this type, rounded to the nearest, ties to even.
  func append(_ values: [Float], to writer: SafetensorsWriter) throws {
    switch self {
    case .fp32: try writer.append(values)
    case .bf16: try writer.append(values.map { BFloat16(rounding: $0) })
    }
  }
}
