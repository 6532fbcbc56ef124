import Basics
import Foundation

/// Writes a safetensors file from front to back: the header at once, then the tensors' bytes as they come.
///
/// Not Sendable: one writer belongs to one thread.
package final class SafetensorsWriter {
  private let file: OutputFile
  private let header: SafetensorsHeader
  private var dataByteCount = 0

  /// - Parameters:
  ///   - tensors: in the order in which their bytes will come. Each must begin on a multiple of its element's
  ///     width, or Python cannot map it: wide types go before narrow ones.
  ///   - metadata: free text for readers, `__metadata__` in the file.
  package init(_ url: URL, tensors: [TensorSpec], metadata: [String: String] = [:]) throws {
    file = try OutputFile(url)
    header = SafetensorsHeader(tensors: tensors, metadata: metadata)
    try file.write(header.encoded())
  }

  /// The next bytes, row-major and little-endian; a tensor may come in several pieces.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    dataByteCount += bytes.count
    precondition(dataByteCount <= header.dataByteCount, "\(file.path): more bytes than tensors")
    try file.write(bytes)
  }

  package func append<T: BitwiseCopyable>(_ elements: UnsafeBufferPointer<T>) throws {
    try append(UnsafeRawBufferPointer(elements))
  }

  package func append<T: BitwiseCopyable>(_ elements: [T]) throws {
    try elements.withUnsafeBytes { try append($0) }
  }

  /// Returns when the file is on the disk.
  package func finish() throws {
    precondition(
      dataByteCount == header.dataByteCount,
      "\(file.path): \(dataByteCount) bytes for tensors of \(header.dataByteCount)")
    try file.finish()
  }
}
