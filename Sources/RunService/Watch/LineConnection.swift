import Basics
import Foundation

/// One end of a TCP connection that carries lines of text. It never waits: what cannot be sent now is kept, up to a limit.
///
/// Not Sendable: one connection belongs to one thread.
final class LineConnection {
  let socket: StreamSocket
  private var received: [UInt8] = []
  private var unsent: [UInt8] = []
  private(set) var isOpen = true
  /// A peer that does not read, or sends no line break, is cut off.
  private static let maximumBytes = 1 << 20

  init(_ socket: StreamSocket) {
    self.socket = socket
    var on: Int32 = 1
    setsockopt(socket.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { socket.close() }

  var wantsToSend: Bool { isOpen && !unsent.isEmpty }

  func send(_ line: String) {
    guard isOpen else { return }
    unsent += Array("\(line)\n".utf8)
    if unsent.count > Self.maximumBytes { isOpen = false }
    flush()
  }

  func flush() {
    guard wantsToSend else { return }
    if let count = unsent.withUnsafeBytes(socket.send) {
      unsent.removeFirst(count)
    } else {
      isOpen = false
    }
  }

  /// Whole lines that have come; afterwards `isOpen` tells whether more may come.
  func receive() -> [String] {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while isOpen {
      let count = recv(socket.descriptor, &chunk, chunk.count, 0)
      if count > 0 {
        received += chunk[..<count]
        if received.count > Self.maximumBytes { isOpen = false }
      } else if count < 0, errno == EINTR {
        continue
      } else {
        if count == 0 || errno != EAGAIN { isOpen = false }
        break
      }
    }
    var lines: [String] = []
    while let end = received.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: received[..<end], as: UTF8.self))
      received.removeFirst(end + 1)
    }
    return lines
  }
}
