import Collectives
import Foundation

let exchangeChecks = [
  ContractCheck("places are a permutation of the ranks") { communicator in
    for style in styles {
      let places = try communicator.allGather(communicator.place(style))
      try expectEqual(places.sorted(), Array(0..<communicator.worldSize), "\(style)")
    }
  },
  ContractCheck("exchanges of private memory") { communicator in
    for count in [0, 1, 7, 1009, 65_537] {
      let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      defer { values.deallocate() }
      try checkExchanges(communicator, values)
    }
  },
  ContractCheck("exchanges of memory that a machine's ranks share") { communicator in
    for count in [7, 65_537] {
      try withPages(count, shared: communicator) { try checkExchanges(communicator, $0) }
    }
  },
  ContractCheck("sharing leaves the content, and an address may be shared again") { communicator in
    for round in 0..<3 {
      try withPages(5000, shared: nil) { values in
        for i in values.indices { values[i] = Float(i + communicator.rank + round) }
        try communicator.share(wholePages(values))
        defer { communicator.unshare(wholePages(values)) }
        for i in values.indices { try expectEqual(values[i], Float(i + communicator.rank + round), "[\(i)]") }
        let cuts = GradientLayout.evenCuts(values.count, ranks: communicator.worldSize, grain: 16)
        let exchange = Exchange(.allReduce, values, cuts: cuts, style: ExchangeStyle())
        try communicator.start(exchange)
        try exchange.wait()
        try expectEqual(
          Array(values),
          values.indices.map {
            Float(sum(communicator) { $0 }) + Float(($0 + round) * communicator.worldSize)
          },
          "the sum")
      }
    }
  },
]

/// Small whole numbers survive both forms of the wire, as do their sums over few ranks.
private func value(_ i: Int, _ rank: Int, _ round: Int) -> Float { Float((i + 3 * rank + round) % 13 - 6) }

private let styles = [
  ExchangeStyle(), ExchangeStyle(wire: .bf16), ExchangeStyle(isHierarchical: false),
  ExchangeStyle(wire: .bf16, isHierarchical: false),
]

private func checkExchanges(
  _ communicator: any Communicator, _ values: UnsafeMutableBufferPointer<Float>
) throws {
  let (count, ranks) = (values.count, communicator.worldSize)
  var uneven = (0..<ranks).map { $0 * $0 * count / (ranks * ranks) }
  uneven.append(count)
  for style in styles {
    let even = GradientLayout.evenCuts(count, ranks: ranks, grain: 16)
    for cuts in style == styles[0] ? [even, uneven] : [even] {
      try checkSums(communicator, values, cuts, style)
      try checkGather(communicator, values, cuts, style)
    }
  }
}

private func checkSums(
  _ communicator: any Communicator, _ values: UnsafeMutableBufferPointer<Float>, _ cuts: [Int],
  _ style: ExchangeStyle
) throws {
  let place = communicator.place(style)
  for kind in [Exchange.Kind.allReduce, .reduceScatter] {
    let exchange = Exchange(kind, values, cuts: cuts, style: style)
    // Twice: what is started again must not remember anything.
    for round in 0..<2 {
      for i in values.indices { values[i] = value(i, communicator.rank, round) }
      try communicator.start(exchange)
      try exchange.wait()
      let wanted = values.indices.map { i in Float(sum(communicator) { Int(value(i, $0, round)) }) }
      let mine = exchange.range(place..<place + 1)
      let seen = kind == .allReduce ? 0..<values.count : mine
      try expectEqual(Array(values[seen]), Array(wanted[seen]), "\(kind) \(style) cuts \(cuts)")
      let squares = wanted[mine].reduce(0) { $0 + Double($1) * Double($1) }
      try expectEqual(exchange.sumOfSquares, squares, "squares of \(kind) \(style)")
    }
  }
}

private func checkGather(
  _ communicator: any Communicator, _ values: UnsafeMutableBufferPointer<Float>, _ cuts: [Int],
  _ style: ExchangeStyle
) throws {
  let place = communicator.place(style)
  let exchange = Exchange(.allGather, values, cuts: cuts, style: style)
  // A third of a whole number has no short form: weights travel whole.
  for i in values.indices { values[i] = -1 }
  for i in exchange.range(place..<place + 1) { values[i] = Float(i) / 3 }
  try communicator.start(exchange)
  try exchange.wait()
  try expectEqual(Array(values), values.indices.map { Float($0) / 3 }, "gather \(style) cuts \(cuts)")
}

private func sum(_ communicator: any Communicator, _ value: (Int) -> Int) -> Int {
  (0..<communicator.worldSize).reduce(0) { $0 + value($1) }
}

private func wholePages(_ values: UnsafeMutableBufferPointer<Float>) -> UnsafeMutableRawBufferPointer {
  let page = Int(getpagesize())
  let bytes = (values.count * 4 + page - 1) / page * page
  return UnsafeMutableRawBufferPointer(start: values.baseAddress!, count: bytes)
}

/// `count` floats at the start of pages of their own, shared if there is a communicator.
private func withPages(
  _ count: Int, shared communicator: (any Communicator)?,
  _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
) throws {
  let page = Int(getpagesize())
  let bytes = (count * 4 + page - 1) / page * page
  let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
  defer { munmap(address, bytes) }
  let pages = UnsafeMutableRawBufferPointer(start: address, count: bytes)
  try communicator?.share(pages)
  defer { communicator?.unshare(pages) }
  let values = address.bindMemory(to: Float.self, capacity: count)
  try body(UnsafeMutableBufferPointer(start: values, count: count))
}
