import Foundation
import Synchronization
import Testing

@testable import Basics

@Suite("Threads that stand back")
struct LowPriorityThreadTests {
  @Test("a thread has its name and its niceness, and the others keep theirs")
  func standsBack() {
    let seen = Mutex(("", Int32(0)))
    let ended = DispatchSemaphore(value: 0)
    let before = getpriority(.init(PRIO_PROCESS.rawValue), 0)
    LowPriorityThread.start(named: "kelip-test") {
      seen.withLock { $0 = (Thread.current.name ?? "", getpriority(.init(PRIO_PROCESS.rawValue), 0)) }
      ended.signal()
    }
    ended.wait()
    #expect(seen.withLock { $0 == ("kelip-test", 10) })
    #expect(getpriority(.init(PRIO_PROCESS.rawValue), 0) == before && before < 10)
  }
}
