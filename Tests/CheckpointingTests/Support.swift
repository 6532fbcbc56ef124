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

/// Puts files into a checkpoint that is being written.
final class CheckpointFiles {
  let folder: URL
  private(set) var records: [FileRecord] = []

  init(folder: URL) { self.folder = folder }

  func file(_ name: String, _ data: some ContiguousBytes) throws {
    records.append(try CheckpointFile.write(name, in: folder) { try $0.write(data) })
  }

  func safetensors(_ name: String, tensors: [TensorSpec], _ fill: (SafetensorsImage) -> Void) throws {
    let image = SafetensorsImage(tensors: tensors)
    fill(image)
    records.append(try image.write(name, in: folder))
  }
}

extension CheckpointDirectory {
  /// As a run of one rank saves: writes, commits, removes what is no longer kept.
  @discardableResult
  func write(step: Int, best: Int? = nil, _ body: (CheckpointFiles) throws -> Void) throws -> URL {
    let partial = partial(step: step, writer: "test")
    do {
      try Self.createFolder(partial)
      let files = CheckpointFiles(folder: partial)
      try body(files)
      try commit(partial, step: step, files.records)
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
    try prune(after: step, keeping: best)
    return url(step: step)
  }
}
