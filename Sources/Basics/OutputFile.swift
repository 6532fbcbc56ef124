import Foundation

/// A file that is written from front to back and is on the disk when `finish()` returns.
///
/// Not Sendable: one file belongs to one thread. A file that is not finished stays as far as it came.
package final class OutputFile {
  package let path: String
  package private(set) var byteCount = 0
  private var descriptor: Int32
  private let hasher: SHA256Hasher?

  /// Creates the file, or empties it.
  ///
  /// - Parameter isHashing: whether `finish()` returns the SHA-256 of what was written.
  package init(_ url: URL, isHashing: Bool = false) throws {
    path = url.path
    hasher = isHashing ? SHA256Hasher() : nil
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: path) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(descriptor >= 0, "write after finish")
    hasher?.update(bytes)
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Foundation.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw KelipError.posix("write", at: path)
      }
      rest = rest.dropFirst(written)
    }
    byteCount += bytes.count
  }

  package func write(_ data: some ContiguousBytes) throws {
    try data.withUnsafeBytes { try write($0) }
  }

  /// Waits until the bytes are on the disk, and closes the file.
  ///
  /// - Returns: the digest when asked for at the beginning, else nothing.
  @discardableResult
  package func finish() throws -> [UInt8] {
    guard fsync(descriptor) == 0 else { throw KelipError.posix("fsync", at: path) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0 else { throw KelipError.posix("close", at: path) }
    return hasher?.finalize() ?? []
  }
}
