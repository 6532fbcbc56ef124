import Basics
import Foundation

/// Writes one plain ustar archive (POSIX.1-1988) whose bytes depend on nothing but its members: no times, no
/// owners, mode 0644. The file appears under its name only when `finish` has put all of it on disk.
package final class TarWriter {
  private static let blockLength = 512
  private static let flushLength = 1 << 20
  private let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []

  package init(path: String) throws {
    self.path = path
    temporaryPath = path + ".partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw Self.systemError("cannot create the file", at: temporaryPath) }
  }

  /// An archive that was not finished leaves nothing behind.
  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Adds a regular file. `name` is ASCII, 1 to 100 bytes: what a ustar name field holds.
  package func append(name: String, bytes: UnsafeRawBufferPointer) throws {
    precondition(descriptor >= 0, "append after finish")
    buffer += Self.header(name: name, length: bytes.count)
    buffer += bytes
    buffer += [UInt8](repeating: 0, count: -bytes.count & (Self.blockLength - 1))
    if buffer.count >= Self.flushLength { try flush() }
  }

  package func append(name: String, bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append(name: name, bytes: $0) }
  }

  /// Ends the archive, forces it to disk and gives it its name.
  package func finish() throws {
    precondition(descriptor >= 0, "finish twice")
    buffer += [UInt8](repeating: 0, count: 2 * Self.blockLength)
    try flush()
    guard fsync(descriptor) == 0 else { throw Self.systemError("cannot sync the file", at: temporaryPath) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0, rename(temporaryPath, path) == 0 else {
      let error = Self.systemError("cannot give the file its name", at: path)
      unlink(temporaryPath)
      throw error
    }
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { bytes in
      var written = 0
      while written < bytes.count {
        let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw Self.systemError("cannot write", at: temporaryPath) }
        written += count
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// 512 bytes: name, mode, owner, size and type as octal text, and the sum of it all.
  private static func header(name: String, length: Int) -> [UInt8] {
    let nameBytes = Array(name.utf8)
    precondition((1...100).contains(nameBytes.count) && nameBytes.allSatisfy { (32..<127).contains($0) })
    precondition(length < 1 << 33, "ustar's size field ends at 8 GiB")
    var header = [UInt8](repeating: 0, count: blockLength)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
    }
    put(name, at: 0)
    put("0000644\0", at: 100)
    put("0000000\0", at: 108)  // user
    put("0000000\0", at: 116)  // group
    put(octal(length, digits: 11) + "\0", at: 124)
    put("00000000000\0", at: 136)  // modification time
    put("        ", at: 148)  // the checksum counts itself as spaces
    put("0", at: 156)  // a regular file
    put("ustar\u{0}00", at: 257)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(octal(sum, digits: 6) + "\0 ", at: 148)
    return header
  }

  private static func octal(_ value: Int, digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: digits - text.count) + text
  }

  private static func systemError(_ message: String, at path: String) -> KelipError {
    KelipError(
      "\(message): \(String(cString: strerror(errno)))", at: path, hint: "check the path and the free space")
  }
}
