import Basics
import Foundation

/// Puts files into a checkpoint that is being written. Every file is on the disk when its call returns.
package final class CheckpointWriter {
  /// The unfinished checkpoint's folder.
  package let folder: URL
  private(set) var records: [FileRecord] = []

  init(folder: URL) { self.folder = folder }

  /// A file with this content.
  package func file(_ name: String, _ data: some ContiguousBytes) throws {
    try add(name) { try $0.write(data) }
  }

  /// A safetensors file; `fill` appends the tensors' bytes in their order.
  package func safetensors(
    _ name: String, tensors: [TensorSpec], metadata: [String: String] = [:],
    _ fill: (SafetensorsWriter) throws -> Void
  ) throws {
    adopt(try Self.writeSafetensors(name, in: folder, tensors: tensors, metadata: metadata, fill))
  }

  /// A file that another rank has put into `folder`: takes what its `CheckpointWriter.write` returned.
  package func adopt(_ record: FileRecord) {
    precondition(!records.contains { $0.name == record.name }, "\(record.name) twice in a checkpoint")
    records.append(record)
  }

  /// Writes one file into `folder`, which another rank is filling, for it to `adopt`.
  package static func write(
    _ name: String, in folder: URL, _ fill: (OutputFile) throws -> Void
  ) throws -> FileRecord {
    precondition(CheckpointManifest.isPlain(name), "\(name) is no name for a checkpoint's file")
    let file = try OutputFile(folder.appendingPathComponent(name), isHashing: true, isDirect: true)
    try fill(file)
    let digest = try file.finish()!
    return FileRecord(name: name, size: file.byteCount, xxh3: digest)
  }

  /// The same for a safetensors file.
  package static func writeSafetensors(
    _ name: String, in folder: URL, tensors: [TensorSpec], metadata: [String: String] = [:],
    _ fill: (SafetensorsWriter) throws -> Void
  ) throws -> FileRecord {
    try write(name, in: folder) { file in
      let writer = try SafetensorsWriter(file, tensors: tensors, metadata: metadata)
      try fill(writer)
      writer.checkComplete()
    }
  }

  private func add(_ name: String, _ fill: (OutputFile) throws -> Void) throws {
    adopt(try Self.write(name, in: folder, fill))
  }
}
