import Basics

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
    let file = try PositionalFile(path: path)
    byteCount = file.size
    modificationTime = file.identity.modifiedSeconds * 1_000_000_000 + file.identity.modifiedNanoseconds
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

extension PositionalFile {
  /// Fewer than `count` bytes only where the file ends.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      done = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
    }
  }
}
