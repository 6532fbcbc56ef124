import Basics
import Foundation
import Testing

/// One clock a process: these run one after the other.
@Suite(.serialized) struct PhaseClockTests {
  @Test func nothingIsNotedWithoutAClock() {
    var asked = false
    func flops() -> Double {
      asked = true
      return 1
    }
    let span = Phase.layerNorm.begin(flops: flops())
    span.end()
    #expect(!asked)
  }

  @Test func spansNestAndAddUp() {
    let record = PhaseClock.measure {
      for _ in 0..<2 {
        let outer = Phase.imageForward.begin()
        for flops in [10.0, 20] {
          let inner = Phase.attention.begin(flops: flops)
          inner.end()
        }
        outer.end()
      }
      let other = Phase.attention.begin(flops: 5)
      other.end()
    }
    #expect(record.nodes.map(\.phase) == [nil, .imageForward, .attention, .attention])
    #expect(record.nodes.map(\.parent) == [nil, 0, 1, 0])
    #expect(record.nodes.map(\.calls) == [1, 2, 4, 1])
    #expect(record.nodes.map(\.flops) == [0, 0, 60, 5])
    #expect(record.totalFlops(1) == 60 && record.flops == 65)
    #expect(record.nodes.allSatisfy { $0.seconds >= 0 })
    #expect(record.nodes[1].seconds >= record.nodes[2].seconds)
  }

  @Test func ownTimesAddUpToTheWhole() {
    let record = PhaseClock.measure {
      let outer = Phase.textBackward.begin()
      let inner = Phase.product.begin()
      usleep(2_000)
      inner.end()
      usleep(2_000)
      outer.end()
    }
    let phases = record.byPhase
    #expect(abs(phases.reduce(0) { $0 + $1.seconds } - record.seconds) < 1e-9)
    // A tower's own time is nobody's.
    #expect(Set(phases.map(\.phase)) == [nil, .product])
    #expect(record.ownSeconds(1) < record.nodes[1].seconds)
  }

  @Test func productsAreKeptByShape() {
    let shape = ProductShape(.weightGradient, rows: 3, inputs: 5, outputs: 7)
    let other = ProductShape(.forward, rows: 1, inputs: 1, outputs: 0)
    let record = PhaseClock.measure {
      for shape in [shape, shape, other, shape, shape] {
        let span = Phase.weightGradient.begin(shape)
        span.end()
      }
    }
    #expect(record.shapes[shape]?.count == 4 && record.shapes[other]?.count == 1)
    #expect(record.flops == 4 * 2 * 3 * 5 * 7)
    let half = record.divided(by: 2)
    #expect(half.shapes[shape]?.count == 2 && half.flops == 2 * 2 * 3 * 5 * 7)
    #expect(half.seconds == record.seconds / 2)
  }

  @Test func otherThreadsGoUnnoticed() {
    let record = PhaseClock.measure {
      let thread = Thread {
        let span = Phase.loss.begin(flops: 1)
        span.end()
      }
      thread.start()
      while !thread.isFinished { usleep(100) }
    }
    #expect(record.nodes.count == 1)
  }

  @Test func aSecondClockStartsAnew() {
    for _ in 0..<2 {
      let record = PhaseClock.measure {
        let span = Phase.rows.begin()
        span.end()
      }
      #expect(record.nodes.map(\.calls) == [1, 1])
    }
  }

  @Test func theClockStopsWhenTheBodyThrows() {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try PhaseClock.measure { throw Stop() } }
    #expect(PhaseClock.measure {}.nodes.count == 1)
  }
}
