import Basics
import Foundation

/// What tells one file, or one state of it, from another.
enum FileDigest {
  /// SHA-256 of the file's content, read in pieces.
  static func hex(_ path: String) throws -> String {
    let hasher = SHA256Hasher()
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
        piece.withUnsafeBytes(hasher.update)
      }
    } catch {
      throw KelipError("cannot read the file: \(error.localizedDescription)", at: path)
    }
    return SHA256Hasher.hexString(hasher.finalize())
  }

  /// Path, size and time of the last change.
  static func identity(_ url: URL) throws -> String {
    var status = stat()
    guard stat(url.path, &status) == 0 else { throw KelipError.posix("stat", at: url.path) }
    return "\(url.path) \(status.st_size) bytes \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
