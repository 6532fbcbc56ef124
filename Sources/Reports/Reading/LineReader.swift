import Basics
import Foundation

/// Reads a file line by line in bounded memory, as far as it reached when it was opened: a run may still append to it.
struct LineReader {
  /// What was read.
  struct Summary: Equatable {
    var lineCount = 0
    /// Lines longer than `maximumLineBytes`, which are passed over.
    var overlongCount = 0
    /// Whether the file ends without a line break: its last line may be half a line. It is not taken.
    var isTorn = false
  }

  static let maximumLineBytes = 16 << 20
  private static let chunkBytes = 1 << 20

  private let url: URL

  init(_ url: URL) { self.url = url }

  /// - Parameter take: gets each whole line without its break; the bytes live during the call only.
  /// - Returns: nil where there is no file.
  func read(_ take: (UnsafeRawBufferPointer) throws -> Void) throws -> Summary? {
    guard let (handle, size) = try open() else { return nil }
    var summary = Summary()
    var pending: [UInt8] = []
    var isSkipping = false
    var left = size
    while left > 0, let chunk = try next(handle, atMost: min(left, Self.chunkBytes)) {
      left -= chunk.count
      try split(chunk, &pending, &isSkipping, &summary, take)
    }
    summary.isTorn = !pending.isEmpty || isSkipping
    return summary
  }

  /// Without waiting, should a pipe stand there.
  private func open() throws -> (handle: FileHandle, size: Int)? {
    let descriptor = Foundation.open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw KelipError.posix("open", at: url.path)
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw KelipError.posix("stat", at: url.path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw KelipError("not a file", at: url.path) }
    return (handle, Int(status.st_size))
  }

  private func next(_ handle: FileHandle, atMost count: Int) throws -> Data? {
    do {
      let data = try handle.read(upToCount: count)
      return data?.isEmpty == false ? data : nil
    } catch {
      throw KelipError("cannot be read: \(error.localizedDescription)", at: url.path)
    }
  }

  private func split(
    _ chunk: Data, _ pending: inout [UInt8], _ isSkipping: inout Bool, _ summary: inout Summary,
    _ take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try chunk.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count,
        let found = memchr(bytes.baseAddress! + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
      {
        let end = UnsafeRawPointer(found) - bytes.baseAddress!
        let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        start = end + 1
        summary.lineCount += 1
        if isSkipping || pending.count + piece.count > Self.maximumLineBytes {
          summary.overlongCount += 1
        } else if pending.isEmpty {
          try take(piece)
        } else {
          pending += piece
          try pending.withUnsafeBytes(take)
        }
        pending.removeAll(keepingCapacity: true)
        isSkipping = false
      }
      guard !isSkipping else { return }
      pending += bytes[start...]
      isSkipping = pending.count > Self.maximumLineBytes
      if isSkipping { pending.removeAll() }
    }
  }
}
