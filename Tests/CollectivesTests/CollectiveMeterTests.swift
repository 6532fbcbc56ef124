import Collectives
import Testing

struct CollectiveMeterTests {
  @Test func stretchesAddUp() {
    let before = CollectiveMeter.busySeconds
    for seconds in [0.25, 0, 0.5] { CollectiveMeter.add(seconds: seconds) }
    #expect(abs(CollectiveMeter.busySeconds - before - 0.75) < 1e-6)
  }
}
