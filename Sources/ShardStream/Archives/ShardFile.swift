import Basics
import Foundation

/// A shard opened for positional reads of its tar, which may lie there plain or compressed by zstd; any number of
/// threads may read. Offsets are those of the tar.
///
/// The descriptor is closed when the last user lets go of the object.
package final class ShardFile: Sendable {
  package let url: URL
  private let file: PositionalFile
  /// Nil for a plain tar.
  private let archive: ZstdArchive?

  package convenience init(url: URL) throws {
    try self.init(url: url, file: PositionalFile(path: url.path))
  }

  init(url: URL, file: PositionalFile) throws {
    (self.url, self.file) = (url, file)
    archive = try ZstdArchive.isArchive(file) ? ZstdArchive(file) : nil
  }

  /// Bytes of the file on the disk at the time of opening; those of the tar where it is not compressed.
  package var size: Int { file.size }
  package var isCompressed: Bool { archive != nil }
  /// Whether, as far as is known, a member can only be had by decompressing much that stands before it: a large
  /// zstd frame. Compressing the shard in frames of a few MiB helps.
  package var isRandomAccessSlow: Bool { archive?.layout.hasLargeGroup ?? false }

  /// Fills `buffer` from byte `offset` on; fewer bytes come back only at the end of the tar.
  ///
  /// - Throws: `KelipError` when the storage fails, `TarFault` when compressed data are damaged there.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    guard let archive else { return try file.read(into: buffer, at: offset) }
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = try archive.read(into: rest, at: offset + done, as: .random)
      if count == 0 { break }
      done += count
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

  /// Tells the kernel that these bytes are wanted soon.
  package func willNeed(offset: Int, count: Int) {
    guard let archive else { return file.advise(POSIX_FADV_WILLNEED, offset: offset, count: count) }
    if let stored = archive.layout.storedRange(offset..<(offset + count), fileSize: file.size) {
      file.advise(POSIX_FADV_WILLNEED, offset: stored.lowerBound, count: stored.count)
    }
  }

  /// Lets the kernel forget the file: the stream has left it and comes back an epoch later.
  package func leavePageCache() { file.advise(POSIX_FADV_DONTNEED) }
}

// MARK: - Scanning: front to back, once, without keeping what was read.

extension ShardFile {
  /// Reads as much as comes at once, one byte at least; 0 at the end of the tar. Offsets should only go forward.
  func scan(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    guard let archive else { return try file.read(into: buffer, at: offset) }
    return try archive.read(into: buffer, at: offset, as: .scan)
  }

  /// Whether the tar has `offset` bytes or more.
  func reaches(_ offset: Int) throws -> Bool {
    guard let archive else { return offset <= file.size }
    return try archive.reaches(offset)
  }
}
