internal import CFiles
import Foundation

/// A file that is written from front to back and is on the disk when `finish()` returns.
///
/// Not Sendable: one file belongs to one thread. A file that is not finished stays as far as it came.
package final class OutputFile {
  package let path: String
  package private(set) var byteCount = 0
  private var descriptor: Int32
  private let hasher: XXH3Hasher?
  /// What is not written yet; nil where every write goes through at once.
  private var staging: Staging?

  /// What begins on a multiple of it and is long goes past the page cache without another copy.
  package static let alignment = 4096

  /// Whole blocks of memory and file, as O_DIRECT wants them.
  private struct Staging {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: OutputFile.alignment)
    var count = 0
    var isDirect: Bool
  }

  /// Creates the file, or empties it.
  ///
  /// - Parameters:
  ///   - isHashing: whether `finish()` returns the XXH3 of what was written.
  ///   - isDirect: whether the bytes go past the page cache where the file system can: a large file that nobody reads
  ///     soon then takes neither memory nor the time of a second copy from those who compute.
  package init(_ url: URL, isHashing: Bool = false, isDirect: Bool = false) throws {
    path = url.path
    hasher = isHashing ? XXH3Hasher() : nil
    descriptor = isDirect ? kelip_create_direct(path) : -1
    let canDirect = descriptor >= 0
    if !canDirect { descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) }
    guard descriptor >= 0 else { throw KelipError.posix("open", at: path) }
    if isDirect { staging = Staging(isDirect: canDirect) }
  }

  deinit {
    staging?.buffer.deallocate()
    if descriptor >= 0 { close(descriptor) }
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(descriptor >= 0, "write after finish")
    byteCount += bytes.count
    guard staging != nil else {
      hasher?.update(bytes)
      return try put(bytes)
    }
    var rest = bytes[try writeAligned(bytes)...]
    while !rest.isEmpty {
      let part = rest.prefix(staging!.buffer.count - staging!.count)
      let target = UnsafeMutableRawBufferPointer(rebasing: staging!.buffer[staging!.count...])
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
      staging!.count += part.count
      rest = rest.dropFirst(part.count)
      if staging!.count == staging!.buffer.count { try flush() }
    }
  }

  package func write(_ data: some ContiguousBytes) throws {
    try data.withUnsafeBytes { try write($0) }
  }

  /// - Returns: how many of the bytes were written from where they lie.
  private func writeAligned(_ bytes: UnsafeRawBufferPointer) throws -> Int {
    guard let staging, staging.isDirect, staging.count == 0, bytes.count >= staging.buffer.count,
      Int(bitPattern: bytes.baseAddress!).isMultiple(of: Self.alignment)
    else { return 0 }
    let whole = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / Self.alignment * Self.alignment)])
    hasher?.update(whole)
    try putDirect(whole)
    return whole.count
  }

  /// Writes what is staged; the end of the file, which fills no block, the usual way.
  private func flush() throws {
    guard let staged = staging, staged.count > 0 else { return }
    staging!.count = 0
    let bytes = UnsafeRawBufferPointer(rebasing: staged.buffer[..<staged.count])
    hasher?.update(bytes)
    let whole = staged.isDirect ? bytes.count / Self.alignment * Self.alignment : 0
    try putDirect(UnsafeRawBufferPointer(rebasing: bytes[..<whole]))
    guard whole < bytes.count else { return }
    try leaveDirect()
    try put(UnsafeRawBufferPointer(rebasing: bytes[whole...]))
  }

  /// Whole blocks. EINVAL: a file system that opens files this way and does not write them so.
  private func putDirect(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    let code = put(bytes, done: &done)
    guard code == 0 || code == EINVAL else { throw failure("write", code) }
    guard done < bytes.count else { return }
    try leaveDirect()
    try put(UnsafeRawBufferPointer(rebasing: bytes[done...]))
  }

  private func leaveDirect() throws {
    guard staging?.isDirect == true else { return }
    staging!.isDirect = false
    guard kelip_leave_direct(descriptor) == 0 else { throw KelipError.posix("fcntl", at: path) }
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    let code = put(bytes, done: &done)
    guard code == 0 else { throw failure("write", code) }
  }

  /// - Returns: 0, or the `errno` of the write that failed after `done` bytes.
  private func put(_ bytes: UnsafeRawBufferPointer, done: inout Int) -> Int32 {
    while done < bytes.count {
      let written = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if written >= 0 { done += written } else if errno != EINTR { return errno }
    }
    return 0
  }

  private func failure(_ call: String, _ code: Int32) -> KelipError {
    errno = code
    return .posix(call, at: path)
  }

  /// Waits until the bytes are on the disk, and closes the file.
  ///
  /// - Returns: 32 hexadecimal digits when asked for at the beginning, else nothing.
  @discardableResult
  package func finish() throws -> String? {
    try flush()
    guard fsync(descriptor) == 0 else { throw KelipError.posix("fsync", at: path) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0 else { throw KelipError.posix("close", at: path) }
    return hasher?.hexDigest
  }
}
