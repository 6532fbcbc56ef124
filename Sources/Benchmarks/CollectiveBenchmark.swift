import Basics
import Collectives
import Kernels
import Planning

#if canImport(Glibc)
  import Glibc
#endif

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
  package var bucketCount = 16

  private static let kinds: [Collective.Kind] = [.allReduce, .reduceScatter, .partGather, .allGather]

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
      overlap: communicator.worldSize > 1 ? try overlap(communicator, nodes: nodes) : nil)
  }

  private func overlap(_ communicator: any Communicator, nodes: Int) throws -> Overlap {
    let benchmark = try OverlapBenchmark(self, communicator)
    defer { benchmark.release() }
    // Rates do not matter for what is sent.
    let cost = CollectiveCost(
      Cluster(
        nodes: nodes, ranksPerNode: communicator.worldSize / nodes,
        network: Link(latencySeconds: 0, bytesPerSecond: 1)))
    let buckets = Collective(.allReduce, bytes: Double(bucketCount * bucketBytes))
    return try benchmark.run(sentBytes: cost.trafficBytes(buckets))
  }

  /// The median of a number of runs, on the rank where it is longest. Short ones are timed several in a row.
  private func measure(_ collective: Collective, _ communicator: any Communicator) throws -> Double {
    let call = try CollectiveCall(collective, communicator)
    defer { call.release() }
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

/// Memory as gradients have it: whole pages, which ranks of a machine can read.
private final class SharedBuffer {
  let values: UnsafeMutableBufferPointer<Float>
  private let pages: UnsafeMutableRawBufferPointer
  private let communicator: any Communicator

  init(bytes: Int, _ communicator: any Communicator) throws {
    self.communicator = communicator
    let page = Int(getpagesize())
    let length = max(1, (bytes + page - 1) / page) * page
    let address = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else { throw KelipError("no memory for \(bytes) bytes") }
    pages = UnsafeMutableRawBufferPointer(start: address, count: length)
    let count = max(1, bytes / MemoryLayout<Float>.stride)
    values = UnsafeMutableBufferPointer(
      start: address.bindMemory(to: Float.self, capacity: length / MemoryLayout<Float>.stride), count: count)
    values.update(repeating: 0)
    try communicator.share(pages)
  }

  /// All ranks call it at the same place in the order of their collectives.
  func release() {
    communicator.unshare(pages)
    munmap(pages.baseAddress!, pages.count)
  }

  /// An exchange of equal parts over all of it.
  func exchange(_ kind: Exchange.Kind) -> Exchange {
    let cuts = GradientLayout.evenCuts(values.count, ranks: communicator.worldSize, grain: 16)
    return Exchange(kind, values, cuts: cuts, style: ExchangeStyle())
  }
}

/// One collective with the memory that it works on, as a training step does it: reductions are exchanges of gradients.
private final class CollectiveCall {
  private let communicator: any Communicator
  private let buffer: SharedBuffer
  private let exchange: Exchange?
  private let gathered: UnsafeMutableBufferPointer<Float>

  init(_ collective: Collective, _ communicator: any Communicator) throws {
    self.communicator = communicator
    buffer = try SharedBuffer(bytes: Int(collective.bytes), communicator)
    exchange =
      switch collective.kind {
      case .allReduce: buffer.exchange(.allReduce)
      case .reduceScatter: buffer.exchange(.reduceScatter)
      case .partGather: buffer.exchange(.allGather)
      case .allGather, .broadcast, .barrier: nil
      }
    gathered = .allocate(capacity: exchange == nil ? buffer.values.count * communicator.worldSize : 0)
    gathered.initialize(repeating: 0)
  }

  func run() throws {
    guard let exchange else {
      return try communicator.allGather(UnsafeBufferPointer(buffer.values), into: gathered)
    }
    try communicator.start(exchange)
    try exchange.wait()
  }

  func release() {
    buffer.release()
    gathered.deallocate()
  }
}

/// What gradient buckets and compute on the same core do to each other.
private final class OverlapBenchmark {
  /// What stands for compute: a wide layer's products as a training step has them, of some milliseconds each, whose
  /// operands come from memory as there.
  private static let shapes = [ProductShape.Kind.forward, .dataGradient, .weightGradient].map {
    ProductShape($0, rows: 400, inputs: 768, outputs: 3072)
  }
  private static let rounds = 5

  private let communicator: any Communicator
  private let buffers: [SharedBuffer]
  private let buckets: [Exchange]
  private let arena: Arena
  private let products: [LoneProduct<BFloat16>]

  init(_ benchmark: CollectiveBenchmark, _ communicator: any Communicator) throws {
    self.communicator = communicator
    buffers = try (0..<benchmark.bucketCount).map { _ in
      try SharedBuffer(bytes: benchmark.bucketBytes, communicator)
    }
    buckets = buffers.map { $0.exchange(.allReduce) }
    let arena = try Arena()
    self.arena = arena
    products = Self.shapes.map { LoneProduct($0, arena) }
  }

  func release() { buffers.forEach { $0.release() } }

  /// - Parameter sentBytes: by each rank, for all buckets.
  func run(sentBytes: Double) throws -> Overlap {
    var rates: [Double] = []
    var stolen: [Double] = []
    for round in 0...Self.rounds {
      let product = try secondsOfProducts()
      let alone = try secondsAlone()
      let (beside, turns) = try besideCompute()
      // The first round touches memory.
      guard round > 0 else { continue }
      rates.append(min(1, alone / beside))
      stolen.append(max(0, beside - Double(turns) * product) / sentBytes)
    }
    let middle = Self.rounds / 2
    return Overlap(
      hiddenRate: -(try communicator.max(-rates.sorted()[middle])),
      stolenSecondsPerByte: try communicator.max(stolen.sorted()[middle]))
  }

  private func secondsOfProducts() throws -> Double {
    let count = 20
    try communicator.barrier()
    let start = monotonicSeconds()
    for _ in 0..<count { multiply() }
    return (monotonicSeconds() - start) / Double(count)
  }

  private func multiply() { for product in products { product.run() } }

  private func secondsAlone() throws -> Double {
    try communicator.barrier()
    let start = monotonicSeconds()
    for bucket in buckets { try communicator.start(bucket) }
    for bucket in buckets { try bucket.wait() }
    return monotonicSeconds() - start
  }

  /// - Returns: how long it took, and how many turns of all products.
  private func besideCompute() throws -> (seconds: Double, turns: Int) {
    try communicator.barrier()
    let start = monotonicSeconds()
    for bucket in buckets { try communicator.start(bucket) }
    var turns = 0
    while !buckets[buckets.count - 1].pending.isDone {
      multiply()
      turns += 1
    }
    for bucket in buckets { try bucket.wait() }
    return (monotonicSeconds() - start, turns)
  }
}
