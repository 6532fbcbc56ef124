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
      // What the system knows, not what Foundation remembers.
      let name = (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
      seen.withLock { $0 = (name, getpriority(.init(PRIO_PROCESS.rawValue), 0)) }
      ended.signal()
    }
    ended.wait()
    #expect(seen.withLock { $0 == ("kelip-test\n", 10) })
    #expect(getpriority(.init(PRIO_PROCESS.rawValue), 0) == before && before < 10)
  }
}
