internal import CMPIShims

/// One kind of step that the ranks of a machine take in each other's memory, without messages.
///
/// Every rank counts the steps that it has come to, and those in which it has done its work, in words that the others
/// read. A step begins when all have come, and ends when all have done.
final class SharedStage: Turnstile {
  private let own: UnsafeMutableRawPointer
  private let peers: [UnsafeRawPointer]
  /// From the word of arrivals to that of work done: another cache line.
  private static let doneOffset = 128

  /// - Parameters:
  ///   - own: this rank's words, zero at the start.
  ///   - peers: those of all ranks of the machine.
  init(own: UnsafeMutableRawPointer, peers: [UnsafeRawPointer]) { (self.own, self.peers) = (own, peers) }

  /// Comes to a step; `work` runs once when all have come.
  func begin(_ ticket: Int, _ work: @escaping () -> Void) -> Operation.Poll {
    let number = UInt64(ticket) + 1
    kelip_shared_store(own, number)
    var isWorking = true
    return { [self] in
      if isWorking {
        guard peers.allSatisfy({ kelip_shared_load($0) >= number }) else { return false }
        work()
        isWorking = false
        kelip_shared_store(own + Self.doneOffset, number)
        passed(ticket)
      }
      return peers.allSatisfy { kelip_shared_load($0 + Self.doneOffset) >= number }
    }
  }
}
