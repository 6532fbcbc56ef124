import Basics
import Foundation

/// Writes one archive (POSIX.1-2001: ustar, with PAX records for names that do not fit) whose bytes depend on nothing
/// but its members: no times, no owners, mode 0644. Under a name that ends in `.zst` it is compressed. The file
/// appears under its name only when `finish` has put all of it on disk.
package final class TarWriter {
  private static let flushLength = 1 << 20
  private let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private let compressor: ZstdFrameWriter?

  package init(path: String) throws {
    self.path = path
    temporaryPath = path + ".partial"
    compressor = path.hasSuffix(".zst") ? ZstdFrameWriter() : nil
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw Self.systemError("cannot create the file", at: temporaryPath) }
  }

  /// An archive that was not finished leaves nothing behind.
  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Adds a regular file.
  ///
  /// - Parameter name: any text without NUL, not empty.
  /// - Throws: `KelipError` for 8 GiB or more, or when the disk is full.
  package func append(name: String, bytes: UnsafeRawBufferPointer) throws {
    precondition(descriptor >= 0, "append after finish")
    buffer += try TarHeader.blocks(name: name, size: bytes.count, archive: path)
    try put(bytes)
    buffer += [UInt8](repeating: 0, count: -bytes.count & (TarBlock.size - 1))
    if buffer.count >= Self.flushLength { try flush() }
  }

  package func append(name: String, bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append(name: name, bytes: $0) }
  }

  /// Ends the archive, forces it to disk and gives it its name.
  package func finish() throws {
    precondition(descriptor >= 0, "finish twice")
    buffer += [UInt8](repeating: 0, count: 2 * TarBlock.size)
    try flush()
    if let compressor { try write(compressor.finish()) }
    guard fsync(descriptor) == 0 else { throw Self.systemError("cannot sync the file", at: temporaryPath) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0, rename(temporaryPath, path) == 0 else {
      let error = Self.systemError("cannot give the file its name", at: path)
      unlink(temporaryPath)
      throw error
    }
  }

  /// Gathers up to `flushLength` bytes, so that a large member is not copied as a whole.
  private func put(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(max(1, Self.flushLength - buffer.count))
      buffer.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
      if buffer.count >= Self.flushLength { try flush() }
    }
  }

  private func flush() throws {
    if let compressor {
      try write(compressor.compress(buffer))
    } else {
      try write(buffer)
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func write(_ data: [UInt8]) throws {
    try data.withUnsafeBytes { bytes in
      var written = 0
      while written < bytes.count {
        let count = Foundation.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw Self.systemError("cannot write", at: temporaryPath) }
        written += count
      }
    }
  }

  private static func systemError(_ message: String, at path: String) -> KelipError {
    KelipError(
      "\(message): \(String(cString: strerror(errno)))", at: path, hint: "check the path and the free space")
  }
}
