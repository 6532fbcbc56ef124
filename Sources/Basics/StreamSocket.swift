import Foundation

/// A TCP socket whose calls never wait, and which programs that this one starts do not have.
///
/// Where a call fails, `errno` says why. Not owned: whoever opened or accepted it closes it.
package struct StreamSocket: Sendable {
  package let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// - Parameter family: `AF_INET` or `AF_INET6`.
  /// - Returns: nil where the system gives none.
  package static func open(family: Int32) -> StreamSocket? {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(family, type, 0)
    return descriptor >= 0 ? StreamSocket(descriptor) : nil
  }

  package func close() { Glibc.close(descriptor) }

  /// Binds it, so that others may connect.
  ///
  /// - Parameters:
  ///   - address: of the socket's family; port 0 for any free one.
  ///   - backlog: connections that may wait for `accept`.
  package func listen(at address: UnsafePointer<sockaddr>, _ length: socklen_t, backlog: Int32) -> Bool {
    bind(descriptor, address, length) == 0 && Glibc.listen(descriptor, backlog) == 0
  }

  /// The one that is bound.
  package var port: UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let status = getsockname(
        descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
      precondition(status == 0, "getsockname of a bound socket")
      // In both families the port follows the family's two bytes, most significant byte first.
      return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }
  }

  /// The next connection that waits; nil when there is none, or no descriptor is left for it.
  package func accept() -> StreamSocket? {
    let connection = Glibc.accept(descriptor, nil, nil)
    guard connection >= 0 else { return nil }
    Self.makeNonblocking(connection)
    return StreamSocket(connection)
  }

  /// Calls return at once, and programs that this one starts do not have it: for what the system opens without (a pipe).
  package static func makeNonblocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// Sends as much as the system takes now.
  ///
  /// - Returns: bytes that were taken; nil once the connection is broken.
  package func send(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var sent = 0
    while sent < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
      let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        break
      } else if errno != EINTR {
        return nil
      }
    }
    return sent
  }
}
