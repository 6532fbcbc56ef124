/// The element types of safetensors, under the names in its header.
package enum TensorType: String, Sendable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float8E4M3 = "F8_E4M3"
  case float8E5M2 = "F8_E5M2"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes an element.
  package var width: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
    }
  }

  /// One that `SafetensorsReader.floats` reads.
  package var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }
}

/// What a file says of a tensor. An empty shape is a scalar.
package struct TensorSpec: Sendable, Equatable {
  package var name: String
  package var type: TensorType
  package var shape: [Int]

  package init(_ name: String, _ type: TensorType, _ shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }

  /// nil when it does not fit 64 bits, or an extent is negative.
  package var checkedByteCount: Int? {
    shape.reduce(Optional(type.width)) { product, extent in
      guard let product, extent >= 0 else { return nil }
      let (value, overflow) = product.multipliedReportingOverflow(by: extent)
      return overflow ? nil : value
    }
  }

  /// Bytes in row-major order.
  package var byteCount: Int {
    guard let checkedByteCount else { preconditionFailure("\(name): impossible shape \(shape)") }
    return checkedByteCount
  }

  package var elementCount: Int { byteCount / type.width }
}
