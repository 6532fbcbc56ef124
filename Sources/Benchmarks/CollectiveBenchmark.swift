import Basics
import Collectives
import Kernels
import Planning

/// Times the collectives of a training step over a range of lengths, then a run of gradient buckets beside compute.
package struct CollectiveBenchmark: Sendable {
  /// Lengths of the buffers, in bytes.
  package var lengths: [Int]
  /// About how long each length of each collective is measured.
  package var seconds: Double
  /// The network's stated rate and latency, kept with the result.
  package var nominal: Link?
  /// Length and number of the buckets that run beside compute.
  package var bucketBytes = GradientBuckets.defaultBucketBytes
  package var bucketCount = 8

  private static let kinds: [Collective.Kind] = [.allReduce, .allGather]

  package init(lengths: [Int], seconds: Double, nominal: Link?) {
    precondition(!lengths.isEmpty && lengths.allSatisfy { $0 > 0 } && seconds > 0)
    (self.lengths, self.seconds, self.nominal) = (lengths, seconds, nominal)
  }

  /// The same on every rank; all ranks call it.
  package func run(_ communicator: any Communicator) throws -> CollectiveTiming {
    let nodes = Int(try communicator.sum(communicator.localRank == 0 ? 1 : 0))
    let curves = try Self.kinds.map { kind in
      CollectiveTiming.Curve(
        kind,
        try lengths.map { length in
          .init(bytes: length, seconds: try measure(Collective(kind, bytes: Double(length)), communicator))
        })
    }
    return CollectiveTiming(
      nodes: nodes, ranksPerNode: communicator.worldSize / nodes, nominal: nominal, curves: curves,
      overlap: communicator.worldSize > 1 ? try OverlapBenchmark(self, communicator).run() : nil)
  }

  /// The median of a number of runs, on the rank where it is longest. Short ones are timed several in a row.
  private func measure(_ collective: Collective, _ communicator: any Communicator) throws -> Double {
    let call = CollectiveCall(collective, communicator)
    for _ in 0..<2 { try call.run() }
    let once = try communicator.max(try timed(communicator, call, count: 3))
    let inRow = max(1, min(50, Int(1e-3 / max(once, 1e-9))))
    let runs = max(3, min(50, Int(seconds / (max(once, 1e-9) * Double(inRow)))))
    let times = try (0..<runs).map { _ in try timed(communicator, call, count: inRow) }
    return try communicator.max(times.sorted()[runs / 2])
  }

  private func timed(_ communicator: any Communicator, _ call: CollectiveCall, count: Int) throws -> Double {
    try communicator.barrier()
    let start = monotonicSeconds()
    for _ in 0..<count { try call.run() }
    return (monotonicSeconds() - start) / Double(count)
  }
}

/// One collective with the memory that it works on.
private final class CollectiveCall {
  private let collective: Collective
  private let communicator: any Communicator
  private let values: UnsafeMutableBufferPointer<Float>
  private let gathered: UnsafeMutableBufferPointer<Float>

  init(_ collective: Collective, _ communicator: any Communicator) {
    (self.collective, self.communicator) = (collective, communicator)
    let count = max(1, Int(collective.bytes) / MemoryLayout<Float>.stride)
    values = .allocate(capacity: count)
    values.initialize(repeating: 0)
    gathered = .allocate(capacity: collective.kind == .allGather ? count * communicator.worldSize : 0)
    gathered.initialize(repeating: 0)
  }

  deinit {
    values.deallocate()
    gathered.deallocate()
  }

  func run() throws {
    switch collective.kind {
    case .allReduce: try communicator.allReduceSum(values)
    case .allGather: try communicator.allGather(UnsafeBufferPointer(values), into: gathered)
    case .reduceScatter, .partGather, .broadcast, .barrier:
      preconditionFailure("not among those that are timed")
    }
  }
}

/// What gradient buckets and compute on the same core do to each other.
private final class OverlapBenchmark {
  /// Rows, columns and depth of the matrix product that stands for compute: about two milliseconds.
  private static let product = (m: 256, n: 768, k: 768)
  private static let rounds = 3

  private let communicator: any Communicator
  private let buckets: [UnsafeMutableBufferPointer<Float>]
  private let operands: UnsafeMutablePointer<Float>

  init(_ benchmark: CollectiveBenchmark, _ communicator: any Communicator) {
    self.communicator = communicator
    buckets = (0..<benchmark.bucketCount).map { _ in
      let bucket = UnsafeMutableBufferPointer<Float>.allocate(
        capacity: benchmark.bucketBytes / MemoryLayout<Float>.stride)
      bucket.initialize(repeating: 0)
      return bucket
    }
    let (m, n, k) = Self.product
    operands = .allocate(capacity: m * k + k * n + m * n)
    operands.initialize(repeating: 0, count: m * k + k * n + m * n)
  }

  deinit {
    buckets.forEach { $0.deallocate() }
    operands.deallocate()
  }

  func run() throws -> Overlap {
    var rates: [Double] = []
    var stolen: [Double] = []
    for round in 0...Self.rounds {
      let product = try secondsOfProduct()
      let alone = try secondsAlone()
      let (beside, products) = try besideCompute()
      // The first round touches memory.
      guard round > 0 else { continue }
      rates.append(min(1, alone / beside))
      stolen.append(max(0, beside - Double(products) * product) / byteCount)
    }
    let middle = Self.rounds / 2
    return Overlap(
      hiddenRate: -(try communicator.max(-rates.sorted()[middle])),
      stolenSecondsPerByte: try communicator.max(stolen.sorted()[middle]))
  }

  private var byteCount: Double { Double(buckets.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride }) }

  private func multiply() {
    let (m, n, k) = Self.product
    matrixMultiply(operands, operands + m * k, into: operands + m * k + k * n, m: m, n: n, k: k)
  }

  private func secondsOfProduct() throws -> Double {
    let count = 100
    try communicator.barrier()
    let start = monotonicSeconds()
    for _ in 0..<count { multiply() }
    return (monotonicSeconds() - start) / Double(count)
  }

  private func secondsAlone() throws -> Double {
    try communicator.barrier()
    let start = monotonicSeconds()
    let pending = try buckets.map { try communicator.startAllReduceSum($0) }
    for bucket in pending { try bucket.wait() }
    return monotonicSeconds() - start
  }

  private func besideCompute() throws -> (seconds: Double, products: Int) {
    try communicator.barrier()
    let start = monotonicSeconds()
    let pending = try buckets.map { try communicator.startAllReduceSum($0) }
    var products = 0
    while !pending[pending.count - 1].isDone {
      multiply()
      products += 1
    }
    for bucket in pending { try bucket.wait() }
    return (monotonicSeconds() - start, products)
  }
}
