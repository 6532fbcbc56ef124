import Basics
import Foundation

/// What tells a shard from a changed one without reading all of it: the file as it lies on the disk, packed or not.
package struct ShardIdentity: Equatable, Sendable {
  /// Tars end in up to 10 KiB of zeros, so that the end has to reach further back than the beginning forth.
  private static let headLength = 4 << 10
  private static let tailLength = 16 << 10

  package let byteCount: Int
  /// Nanoseconds since 1970. Copying a data set changes it, so that it is told but not compared.
  package let modificationTime: Int
  /// Of the file's first 4 KiB and last 16 KiB: the beginning of their SHA-256.
  package let digest: UInt64

  package static func == (left: Self, right: Self) -> Bool {
    left.byteCount == right.byteCount && left.digest == right.digest
  }

  init(byteCount: Int, modificationTime: Int, digest: UInt64) {
    (self.byteCount, self.modificationTime, self.digest) = (byteCount, modificationTime, digest)
  }

  /// One `open`, one `fstat` and two reads.
  package init(path: String) throws {
    let file = try OpenFile(readingFrom: path)
    let status = try file.status()
    byteCount = Int(status.st_size)
    modificationTime = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    let hasher = SHA256Hasher()
    try file.bytes(at: 0, count: min(Self.headLength, byteCount)).withUnsafeBytes(hasher.update)
    let tail = min(Self.tailLength, byteCount)
    try file.bytes(at: byteCount - tail, count: tail).withUnsafeBytes(hasher.update)
    digest = Self.word(hasher)
  }

  /// The first 8 bytes of a SHA-256.
  static func word(_ hasher: SHA256Hasher) -> UInt64 {
    hasher.finalize().prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  static func digest(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let hasher = SHA256Hasher()
    hasher.update(bytes)
    return word(hasher)
  }
}

/// A file opened for reading that is closed when its owner lets go of it.
final class OpenFile {
  private let descriptor: Int32
  private let path: String

  init(readingFrom path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw KelipError.system("cannot open the file", at: path) }
  }

  deinit { close(descriptor) }

  /// Throws for what is not a regular file.
  func status() throws -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw KelipError.system("cannot read the size of the file", at: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw KelipError("a shard must be a regular file", at: path, hint: "name the .tar file itself")
    }
    return status
  }

  /// Fewer than `count` bytes only where the file ends.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      while done < count {
        let more = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset + done))
        if more == 0 { break }
        if more > 0 {
          done += more
        } else if errno != EINTR {
          throw KelipError.system("cannot read \(count) bytes at byte \(offset)", at: path)
        }
      }
    }
  }
}
