import Basics
import Foundation

/// A socket to a page. Reads give up after a while, so that a test that fails does not hang.
package final class Client {
  package let descriptor: Int32

  /// - Parameter receiveBytes: how much the system takes in for a client that does not read.
  package init(port: UInt16, receiveBytes: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw KelipError.posix("socket", at: "client") }
    if var receiveBytes {
      setsockopt(
        descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
    }
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafeBytes(of: &address) {
      connect(
        descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard result == 0 else { throw KelipError.posix("connect", at: "client") }
  }

  deinit { close(descriptor) }

  /// False when the other side is gone.
  @discardableResult
  package func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  /// What comes next, at most `count` bytes; nil at the end, also at one that is cut off.
  package func read(_ count: Int = 65536) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: count)
    let received = recv(descriptor, &buffer, count, 0)
    return received > 0 ? Array(buffer[..<received]) : nil
  }

  /// All until the other side ends.
  package func readAll() -> String {
    var bytes: [UInt8] = []
    while let more = read() { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }

  package func exchange(_ text: String) -> String {
    send(text)
    return readAll()
  }
}

extension String {
  package var statusCode: Int? { split(separator: " ").dropFirst().first.flatMap { Int($0) } }
  package var body: String { range(of: "\r\n\r\n").map { String(self[$0.upperBound...]) } ?? "" }

  package func header(_ name: String) -> String? {
    let head = range(of: "\r\n\r\n").map { self[..<$0.lowerBound] } ?? self[...]
    let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
    return line.map { String($0.dropFirst(name.count + 2)) }
  }
}
