import Basics
import Foundation

/// Files of a checkpoint that is being written.
package enum CheckpointFile {
  /// Writes one file into an unfinished checkpoint's folder; it is on the disk when this returns.
  ///
  /// - Returns: what `CheckpointDirectory.commit` wants to know of it.
  package static func write(
    _ name: String, in folder: URL, _ fill: (OutputFile) throws -> Void
  ) throws -> FileRecord {
    precondition(CheckpointManifest.isPlain(name), "\(name) is no name for a checkpoint's file")
    let file = try OutputFile(folder.appendingPathComponent(name), isHashing: true, isDirect: true)
    try fill(file)
    let digest = try file.finish()!
    return FileRecord(name: name, size: file.byteCount, xxh3: digest)
  }
}
