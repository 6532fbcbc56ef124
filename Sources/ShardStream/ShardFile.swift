import Basics
import Foundation

/// A shard opened for positional reads. `pread` moves no shared cursor, so any number of threads may read.
///
/// The descriptor is closed when the last user lets go of the object.
package final class ShardFile: Sendable {
  package let url: URL
  /// Bytes at the time of opening.
  package let size: Int
  private let descriptor: Int32

  package init(url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw KelipError.system("cannot open the shard", at: url.path)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let failure = KelipError.system("cannot read the size of the shard", at: url.path)
      close(descriptor)
      throw failure
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw KelipError("a shard must be a regular file", at: url.path, hint: "name the .tar file itself")
    }
    self.url = url
    self.size = Int(status.st_size)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Fills `buffer` from byte `offset` on; fewer bytes come back only at the end of the file.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count == 0 { break }
      if count > 0 {
        done += count
      } else if errno != EINTR {
        throw KelipError.system("cannot read \(buffer.count) bytes at byte \(offset)", at: url.path)
      }
    }
    return done
  }

  /// Reads exactly `count` bytes at `offset`; a file that has become shorter is an error.
  package func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
    }
    guard bytes.count == count else {
      throw KelipError(
        "the shard ends at byte \(offset + bytes.count), but a member reaches to \(offset + count)",
        at: url.path, hint: "the file changed after it was scanned: start again with the complete file")
    }
    return bytes
  }

  /// Tells the kernel that these bytes are wanted soon. Advice only: a refusal changes nothing but speed.
  package func willNeed(offset: Int, count: Int) {
    _ = posix_fadvise(descriptor, off_t(offset), off_t(count), Int32(POSIX_FADV_WILLNEED))
  }
}

extension KelipError {
  /// The error of the system call that has just failed, with `errno`'s text.
  static func system(_ message: String, at path: String) -> KelipError {
    KelipError("\(message): \(String(cString: strerror(errno)))", at: path)
  }
}
