import Basics
import Foundation

/// The few calls of sockets that the watch needs.
enum TCP {
  /// On all adapters, at a port that the system picks.
  static func listen() throws -> StreamSocket {
    guard let socket = StreamSocket.open(family: AF_INET) else {
      throw KelipError.posix("socket", at: "the ranks' watch")
    }
    let isListening = withAddress(in_addr(s_addr: INADDR_ANY), port: 0) {
      socket.listen(at: $0, $1, backlog: 1024)
    }
    guard isListening else {
      let error = KelipError.posix("listen", at: "the ranks' watch")
      socket.close()
      throw error
    }
    return socket
  }

  /// nil when nobody answers in time.
  static func connect(to host: String, port: UInt16, seconds: Double) -> StreamSocket? {
    guard let socket = StreamSocket.open(family: AF_INET) else { return nil }
    var address = in_addr()
    inet_pton(AF_INET, host, &address)
    let status = withAddress(address, port: port) { Glibc.connect(socket.descriptor, $0, $1) }
    if status != 0, errno != EINPROGRESS || !isConnected(socket.descriptor, within: seconds) {
      socket.close()
      return nil
    }
    return socket
  }

  private static func isConnected(_ descriptor: Int32, within seconds: Double) -> Bool {
    var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&event, 1, Int32(seconds * 1000)) == 1 else { return false }
    var (code, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 && code == 0
  }

  /// IPv4 addresses of the adapters that are up, loopback left out.
  static func ownAddresses() -> [String] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    var found: [String] = []
    var next = first
    while let entry = next {
      next = entry.pointee.ifa_next
      let flags = entry.pointee.ifa_flags
      guard let address = entry.pointee.ifa_addr, Int32(address.pointee.sa_family) == AF_INET,
        flags & UInt32(IFF_UP) != 0, flags & UInt32(IFF_LOOPBACK) == 0
      else { continue }
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let length = socklen_t(MemoryLayout<sockaddr_in>.size)
      if getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
        found.append(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
      }
    }
    return found
  }

  private static func withAddress<Result>(
    _ address: in_addr, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var whole = sockaddr_in()
    (whole.sin_family, whole.sin_port, whole.sin_addr) = (sa_family_t(AF_INET), port.bigEndian, address)
    return withUnsafeBytes(of: &whole) {
      body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
  }
}
