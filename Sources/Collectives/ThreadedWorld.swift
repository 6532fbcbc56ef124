import Basics
import Foundation

/// Where the ranks of an in-process world meet: each brings bytes, and all get what is made of them.
///
/// One meeting at a time. A rank that leaves early breaks the meeting, so that its peers throw, not hang.
final class ThreadedWorld: @unchecked Sendable {
  // Safe to share: everything mutable is touched under the condition's lock only.
  let size: Int
  private let condition = NSCondition()
  private var generation = 0
  private var call: String?
  private var arrivedCount = 0
  private var contributions: [[UInt8]]
  private var outcome: [[UInt8]] = []
  private var broken: KelipError?
  private var cause: (any Error)?

  init(size: Int) {
    precondition(size > 0, "world of \(size)")
    self.size = size
    contributions = Array(repeating: [], count: size)
  }

  /// - Parameters:
  ///   - call: what this rank thinks it is doing; all ranks must say the same.
  ///   - combine: applied once, by the last to arrive, to the contributions in rank order.
  func meet(
    rank: Int, call: String, bytes: [UInt8], combine: ([[UInt8]]) -> [[UInt8]]
  ) throws -> [[UInt8]] {
    condition.lock()
    defer { condition.unlock() }
    if let broken { throw broken }
    try checkSame(call, rank: rank)
    contributions[rank] = bytes
    arrivedCount += 1
    if arrivedCount == size {
      conclude(combine(contributions))
      return outcome
    }
    // Nobody can begin the next meeting before all have left this one: each rank's next call comes after.
    let mine = generation
    while generation == mine, broken == nil { condition.wait() }
    if generation == mine, let broken { throw broken }
    return outcome
  }

  /// What the first rank to leave threw.
  var firstError: (any Error)? { condition.withLock { cause } }

  /// Makes every present and future meeting throw.
  func leave(rank: Int, because error: any Error) {
    condition.withLock {
      if cause == nil { cause = error }
      guard broken == nil else { return }
      broken = KelipError("rank \(rank) has left: \(error)", exitCode: .fatal)
      condition.broadcast()
    }
  }

  private func checkSame(_ call: String, rank: Int) throws {
    if let other = self.call, other != call {
      broken = KelipError("rank \(rank) calls \(call) where others call \(other)", exitCode: .fatal)
      condition.broadcast()
      throw broken!
    }
    self.call = call
  }

  private func conclude(_ result: [[UInt8]]) {
    outcome = result
    arrivedCount = 0
    call = nil
    generation += 1
    condition.broadcast()
  }
}
