import Basics
import Foundation

/// A safetensors file, mapped and validated. Views are valid as long as the reader lives.
package final class SafetensorsReader: Sendable {
  package let url: URL
  /// In the order of their bytes.
  package let tensors: [TensorSpec]
  /// `__metadata__`.
  package let metadata: [String: String]
  private let file: MappedFile
  /// Of the tensors, within the file.
  private let ranges: [String: (spec: TensorSpec, bytes: Range<Int>)]

  package init(_ url: URL) throws {
    self.url = url
    file = try MappedFile(url)
    let dataStart: Int
    let header: SafetensorsHeader
    do {
      (header, dataStart) = try Self.parse(file.bytes)
    } catch var error as KelipError {
      error.location = url.path
      error.hint = "the file is damaged or no safetensors file"
      throw error
    }
    tensors = header.entries.map(\.spec)
    metadata = header.metadata
    ranges = header.entries.reduce(into: [:]) { ranges, entry in
      let bytes = (entry.range.lowerBound + dataStart)..<(entry.range.upperBound + dataStart)
      ranges[entry.spec.name] = (entry.spec, bytes)
    }
  }

  package func contains(_ name: String) -> Bool { ranges[name] != nil }

  /// A tensor's type, shape and bytes: row-major, little-endian, perhaps not aligned for the type.
  package func tensor(
    named name: String
  ) throws -> (type: TensorType, shape: [Int], bytes: UnsafeRawBufferPointer) {
    guard let found = ranges[name] else {
      throw KelipError("holds no tensor \(name), but \(tensors.count) others", at: url.path)
    }
    return (found.spec.type, found.spec.shape, UnsafeRawBufferPointer(rebasing: file.bytes[found.bytes]))
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) throws -> (SafetensorsHeader, Int) {
    let prefix = MemoryLayout<UInt64>.size
    guard bytes.count >= prefix else { throw KelipError("\(bytes.count) bytes are too few for a header") }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= SafetensorsHeader.maximumByteCount else {
      throw KelipError("a header of \(length) bytes, more than \(SafetensorsHeader.maximumByteCount)")
    }
    let dataStart = prefix + Int(length)
    guard dataStart <= bytes.count else {
      throw KelipError("a header of \(length) bytes in a file of \(bytes.count)")
    }
    let json = UnsafeRawBufferPointer(rebasing: bytes[prefix..<dataStart])
    return (try SafetensorsHeader(parsing: json, dataByteCount: bytes.count - dataStart), dataStart)
  }
}
