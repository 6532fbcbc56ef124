import Basics
import Foundation

/// A safetensors file in memory, byte for byte as it will lie on the disk: the header is there from the beginning, and
/// tensors are filled in. It is written in one piece, from where it lies.
///
/// Not safe to fill while it is written.
package final class SafetensorsImage: @unchecked Sendable {
  // Safe to share: who fills and who writes take turns.
  package let tensors: [TensorSpec]
  private let bytes: UnsafeMutableRawBufferPointer
  private let starts: [Int]

  /// - Parameter tensors: in the file's order; each must begin on a multiple of its element's width.
  package init(tensors: [TensorSpec], metadata: [String: String] = [:]) {
    let header = SafetensorsHeader(tensors: tensors, metadata: metadata)
    let encoded = header.encoded()
    self.tensors = tensors
    starts = header.entries.map { encoded.count + $0.range.lowerBound }
    let hugePage = 2 << 20
    bytes = .allocate(
      byteCount: max(1, encoded.count + header.dataByteCount),
      alignment: header.dataByteCount >= hugePage ? hugePage : OutputFile.alignment)
    // Refusal costs only speed. Touched now, so that the first filling takes no longer than others.
    if bytes.count >= hugePage { madvise(bytes.baseAddress!, bytes.count, Int32(MADV_HUGEPAGE)) }
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    bytes.copyBytes(from: encoded)
  }

  deinit { bytes.deallocate() }

  /// Where tensor `index` lies: row-major, little-endian, at a multiple of its element's width.
  package func tensor(_ index: Int) -> UnsafeMutableRawBufferPointer {
    let start = starts[index]
    return UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + tensors[index].byteCount])
  }

  /// Writes the file into an unfinished checkpoint's folder; it is on the disk when this returns.
  package func write(_ name: String, in folder: URL) throws -> FileRecord {
    try CheckpointFile.write(name, in: folder) { try $0.write(UnsafeRawBufferPointer(bytes)) }
  }
}
