import Foundation

/// The system calls behind a shard. Tests put failing ones in their place.
protocol FileCalls: Sendable {
  /// A descriptor, or -errno.
  func open(_ path: String) -> Int32
  /// Zero, or -errno.
  func status(_ descriptor: Int32, _ status: inout stat) -> Int32
  /// Bytes that were read, 0 at the end of the file, or -errno.
  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int
}

/// The calls of the operating system.
struct SystemFileCalls: FileCalls {
  func open(_ path: String) -> Int32 {
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    return descriptor < 0 ? -errno : descriptor
  }

  func status(_ descriptor: Int32, _ status: inout stat) -> Int32 {
    fstat(descriptor, &status) == 0 ? 0 : -errno
  }

  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
    return count < 0 ? -Int(errno) : count
  }
}
