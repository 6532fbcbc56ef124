import Basics
import Foundation

/// Files that are read whole.
enum SmallFile {
  /// - Returns: nil where there is no file.
  static func read(_ url: URL, atMost count: Int) throws -> Data? {
    // Without waiting, should a pipe stand there.
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw KelipError.posix("open", at: url.path)
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw KelipError("not a file", at: url.path)
    }
    guard status.st_size <= count else {
      throw KelipError("\(Int(status.st_size).digitGrouped) bytes are too many for a report", at: url.path)
    }
    return try handle.read(upToCount: count) ?? Data()
  }
}
