import Basics
import Checkpointing
import Foundation

/// A folder that is there for one test.
func withTemporaryFolder<T>(_ body: (URL) throws -> T) throws -> T {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kelip-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// A safetensors file from its raw parts.
func write(header: String, length: UInt64? = nil, data: Int, to url: URL) throws {
  let json = Array(header.utf8)
  let prefix = withUnsafeBytes(of: (length ?? UInt64(json.count)).littleEndian) { Array($0) }
  try Data(prefix + json + [UInt8](repeating: 0, count: data)).write(to: url)
}

/// Changes one byte of a file, keeping its length.
func flipByte(_ position: Int, of url: URL) throws {
  var data = try Data(contentsOf: url)
  data[position] ^= 0x10
  try data.write(to: url)
}
