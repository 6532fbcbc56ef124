import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Takes the time of phases on one thread, as a tree of who called whom. Off until `measure`; then only on the thread
/// that measures, so that helpers and other ranks in the same process go on at full speed.
package enum PhaseClock {
  /// Address of the measuring thread's marker; 0 while no clock runs.
  private static let owner = Atomic<UInt>(0)
  /// Only touched by the thread that `owner` names.
  nonisolated(unsafe) private static var recorder = PhaseRecorder()

  @inline(__always)
  static var isRunning: Bool {
    let thread = owner.load(ordering: .relaxed)
    return thread != 0 && thread == UInt(pthread_self())
  }

  /// Runs `body` with the clock on, on this thread. Not within itself, and by one thread at a time.
  package static func measure(_ body: () throws -> Void) rethrows -> PhaseRecord {
    let (wasIdle, _) = owner.compareExchange(
      expected: 0, desired: UInt(pthread_self()), ordering: .acquiringAndReleasing)
    precondition(wasIdle, "one clock at a time")
    recorder = PhaseRecorder()
    defer { owner.store(0, ordering: .releasing) }
    try body()
    return recorder.finish()
  }

  static func enter(_ phase: Phase, flops: Double, shape: ProductShape?) -> PhaseSpan {
    recorder.enter(phase, flops: flops, shape: shape)
    return PhaseSpan(isNoted: true)
  }

  static func leave() { recorder.leave() }
}

/// Adds up spans as they nest.
struct PhaseRecorder {
  private var nodes = [PhaseRecord.Node(phase: nil, parent: nil)]
  private var shapes: [ProductShape: PhaseRecord.ShapeTime] = [:]
  private var open: [(node: Int, start: Double, shape: ProductShape?)]

  init() { open = [(0, monotonicSeconds(), nil)] }

  mutating func enter(_ phase: Phase, flops: Double, shape: ProductShape?) {
    let parent = open[open.count - 1].node
    let node =
      nodes[parent].children.first { nodes[$0].phase == phase } ?? addNode(phase, under: parent)
    nodes[node].flops += flops
    nodes[node].calls += 1
    open.append((node, monotonicSeconds(), shape))
  }

  mutating func leave() {
    let (node, start, shape) = open.removeLast()
    let seconds = monotonicSeconds() - start
    nodes[node].seconds += seconds
    guard let shape else { return }
    shapes[shape, default: .init()].count += 1
    shapes[shape, default: .init()].seconds += seconds
  }

  mutating func finish() -> PhaseRecord {
    precondition(open.count == 1, "a phase was begun and not ended")
    leave()
    nodes[0].calls = 1
    return PhaseRecord(nodes: nodes, shapes: shapes)
  }

  private mutating func addNode(_ phase: Phase, under parent: Int) -> Int {
    nodes.append(.init(phase: phase, parent: parent))
    nodes[parent].children.append(nodes.count - 1)
    return nodes.count - 1
  }
}
