import Basics
import Foundation

/// numpy's own file of one matrix of 32-bit floats (NEP 1, version 1.0), written from front to back.
final class NPYFile {
  private let file: OutputFile

  init(_ url: URL, shape: [Int]) throws {
    file = try OutputFile(url)
    let sizes = shape.map(String.init).joined(separator: ", ")
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(sizes)), }"
    let prefix = 10
    // The data begin on a multiple of 64, as numpy wants for mapping.
    let padding = 63 - (prefix + header.utf8.count) % 64
    let text = header + String(repeating: " ", count: padding) + "\n"
    let length = UInt16(text.utf8.count)
    try file.write(
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8))
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }

  func finish() throws { try file.finish() }
}
