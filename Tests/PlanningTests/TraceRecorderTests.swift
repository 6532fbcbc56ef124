import Basics
import Collectives
import Testing

@testable import Planning

@Suite("A trace recorder")
struct TraceRecorderTests {
  private func withFloats<R>(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows
    -> R
  {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    values.initialize(repeating: 1)
    defer { values.deallocate() }
    return try body(values)
  }

  @Test("notes collectives with their bytes, in order")
  func foreground() throws {
    let recorder = TraceRecorder(worldSize: 4)
    defer { recorder.finalize() }
    let trace = try withFloats(12) { values in
      try recorder.record {
        recorder.allReduceSum(values)
        try recorder.allGather(UnsafeBufferPointer(rebasing: values[..<3]), into: values)
        _ = try recorder.max(1)
        recorder.barrier()
      }
    }
    #expect(
      trace.events.map(\.action) == [
        .blocking(Collective(.allReduce, bytes: 48)), .blocking(Collective(.allGather, bytes: 12)),
        .blocking(Collective(.allReduce, bytes: 8)), .blocking(Collective(.barrier, bytes: 0)),
      ])
  }

  @Test("gathers repeat this rank's part")
  func gather() throws {
    let recorder = TraceRecorder(worldSize: 3)
    defer { recorder.finalize() }
    #expect(try recorder.allGather(7) == [7, 7, 7])
    #expect(recorder.allGatherBytes([1, 2]).count == 3)
    let empty = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    try recorder.allGather(UnsafeBufferPointer(empty), into: empty)
  }

  @Test("notes the waits for gradient buckets, and ends them", arguments: [1, 2, 5])
  func buckets(count: Int) throws {
    let recorder = TraceRecorder(worldSize: 2)
    defer { recorder.finalize() }
    let trace = try withFloats(count * 16) { gradients in
      let buckets = try GradientBuckets(gradients: gradients, communicator: recorder, bucketBytes: 64)
      return try recorder.record {
        for end in 1...count { try buckets.markReady(upTo: end * 16) }
        try buckets.finish()
      }
    }
    let starts = Array(repeating: StepTrace.Action.start(Collective(.allReduce, bytes: 64)), count: count)
    #expect(trace.events.map(\.action) == starts + (0..<count).map(StepTrace.Action.wait))
    #expect(StepTrace.median([trace, trace]) != nil)
  }

  @Test(
    "compute is what lies between, not the collectives", arguments: [TraceRecorder.Clock.processor, .wall])
  func compute(clock: TraceRecorder.Clock) throws {
    let recorder = TraceRecorder(worldSize: 2, clock: clock)
    defer { recorder.finalize() }
    var sum = 0.0
    let trace = recorder.record {
      for i in 0..<200_000 { sum += Double(i).squareRoot() }
      recorder.barrier()
    }
    #expect(sum > 0 && trace.events.count == 1)
    #expect(trace.events[0].computeSeconds > 0 && trace.tailSeconds >= 0)
    #expect(trace.tailSeconds < trace.events[0].computeSeconds)
  }
}
