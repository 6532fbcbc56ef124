import Basics
import Foundation

/// A socket that waits for connections to an address of this machine.
final class Listener: Sendable {
  let socket: StreamSocket
  /// The one that is bound.
  var port: UInt16 { socket.port }
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
    socket = try Self.bound(first.pointee, place)
    isLoopback = Self.isLoopback(first.pointee.ai_addr)
  }

  deinit { socket.close() }

  private static func bound(_ address: addrinfo, _ place: String) throws -> StreamSocket {
    guard let socket = StreamSocket.open(family: address.ai_family) else {
      throw KelipError.posix("socket", at: place)
    }
    var yes: Int32 = 1
    setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard socket.listen(at: address.ai_addr, address.ai_addrlen, backlog: 128) else {
      let isTaken = errno == EADDRINUSE
      var error = KelipError.posix("bind", at: place)
      if isTaken { error.hint = "another program has this port: choose another, or 0 for any" }
      socket.close()
      throw error
    }
    return socket
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
