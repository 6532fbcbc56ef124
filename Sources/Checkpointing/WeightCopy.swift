import Basics
import Foundation

/// Tensors of weight files on their way into another: under other names and, where asked for, in another type.
package struct WeightCopy {
  /// One tensor.
  package struct Item {
    package var reader: SafetensorsReader
    /// In `reader`'s file.
    package var source: String
    /// In the new file.
    package var target: String

    package init(_ reader: SafetensorsReader, _ source: String, as target: String) {
      (self.reader, self.source, self.target) = (reader, source, target)
    }
  }

  private var items: [(item: Item, source: TensorType, target: TensorSpec)]

  /// - Parameters:
  ///   - type: of every floating-point tensor in the new file; nil to keep each as it is. Integers stay.
  package init(_ items: [Item], type: TensorType? = nil) throws {
    let planned = try items.map { item in
      let (source, shape, _) = try item.reader.tensor(named: item.source)
      let target = source.isFloatingPoint ? type ?? source : source
      return (item: item, source: source, target: TensorSpec(item.target, target, shape))
    }
    // A tensor must begin on a multiple of its element's width.
    self.items = planned.enumerated().sorted {
      ($1.element.target.type.width, $0.offset) < ($0.element.target.type.width, $1.offset)
    }.map(\.element)
  }

  /// In the order of the file.
  package var tensors: [TensorSpec] { items.map(\.target) }

  /// Writes the file; it is on the disk when this returns. `format` is what transformers asks for.
  package func write(to url: URL, metadata: [String: String] = ["format": "pt"]) throws {
    let writer = try SafetensorsWriter(url, tensors: tensors, metadata: metadata)
    for (item, source, target) in items {
      guard source != target.type else {
        try writer.append(item.reader.tensor(named: item.source).bytes)
        continue
      }
      let values = try item.reader.floats(named: item.source)
      try checkRange(values, target, at: item.reader.url)
      try writer.append(values, as: target.type)
    }
    try writer.finish()
  }

  /// Half precision ends at 65504; a weight must not become infinite unnoticed.
  private func checkRange(_ values: [Float], _ target: TensorSpec, at url: URL) throws {
    guard target.type == .float16, let value = values.first(where: { $0.isFinite && abs($0) >= 65520 })
    else { return }
    throw KelipError(
      "\(value) in \(target.name) does not fit half precision", at: url.path, hint: "choose bf16 or fp32")
  }
}

extension SafetensorsWriter {
  /// The next values, rounded to nearest even.
  ///
  /// - Parameter type: a floating-point type of at most 32 bits.
  package func append(_ values: [Float], as type: TensorType) throws {
    switch type {
    case .float32: try append(values)
    case .float16: try append(values.map { Float16($0).bitPattern.littleEndian })
    case .bfloat16: try append(values.map { Self.bfloat16($0).littleEndian })
    default: preconditionFailure("no conversion to \(type.rawValue)")
    }
  }

  private static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: (bits >> 16) | 0x40) }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }
}
