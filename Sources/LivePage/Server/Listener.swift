import Basics
import Foundation

/// A socket that waits for connections.
final class Listener: Sendable {
  let descriptor: Int32
  /// The one that is bound.
  let port: UInt16
  let isLoopback: Bool

  /// - Parameters:
  ///   - address: a name or number of this machine.
  ///   - port: 0 for any free one.
  init(address: String, port: UInt16) throws {
    let place = "\(address), port \(port)"
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(address, String(port), &hints, &found)
    guard status == 0, let first = found else {
      throw KelipError(
        "no such address: \(String(cString: gai_strerror(status)))", at: place,
        hint: "give 127.0.0.1 or an address of this machine")
    }
    defer { freeaddrinfo(found) }
    descriptor = try Self.bound(first.pointee, place)
    isLoopback = Self.isLoopback(first.pointee.ai_addr)
    self.port = Self.boundPort(descriptor)
  }

  deinit { close(descriptor) }

  /// The next connection that waits; nil when there is none, or no descriptor is left for it.
  func accept() -> Int32? {
    let connection = Glibc.accept(descriptor, nil, nil)
    guard connection >= 0 else { return nil }
    Self.makeNonblocking(connection)
    return connection
  }

  /// Calls return at once, and programs that this one starts do not have it.
  static func makeNonblocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  private static func bound(_ address: addrinfo, _ place: String) throws -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.ai_family, type, 0)
    guard descriptor >= 0 else { throw KelipError.posix("socket", at: place) }
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 128) == 0 else {
      let isTaken = errno == EADDRINUSE
      var error = KelipError.posix("bind", at: place)
      if isTaken { error.hint = "another program has this port: choose another, or 0 for any" }
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func boundPort(_ descriptor: Int32) -> UInt16 {
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

  private static func isLoopback(_ address: UnsafePointer<sockaddr>) -> Bool {
    let bytes = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET: return bytes.load(fromByteOffset: 4, as: UInt8.self) == 127
    case AF_INET6:
      return (0..<16).allSatisfy { index in
        bytes.load(fromByteOffset: 8 + index, as: UInt8.self) == (index == 15 ? 1 : 0)
      }
    default: return false
    }
  }
}
