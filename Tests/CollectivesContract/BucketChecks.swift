import Collectives

let bucketChecks = [
  ContractCheck("gradient buckets sum every element once, whatever the sizes") { communicator in
    // (elements, elements a bucket, elements that become ready at a time)
    for (count, bucket, stride) in [
      (0, 4, 1), (1, 4, 1), (7, 1, 3), (1009, 100, 37), (1009, 1009, 1009), (1009, 5000, 100),
      (65_537, 4096, 9001),
    ] {
      try checkBuckets(communicator, count: count, bucketCount: bucket, stride: stride)
    }
  },
  ContractCheck("gradient buckets start only what is full") { communicator in
    let gradients = UnsafeMutableBufferPointer<Float>.allocate(capacity: 10)
    defer { gradients.deallocate() }
    gradients.initialize(repeating: 0)
    let buckets = try GradientBuckets(gradients: gradients, communicator: communicator, bucketBytes: 16)
    try buckets.markReady(upTo: 7)
    // The second bucket is not full: it may still be written.
    for i in 4..<10 { gradients[i] = 1 }
    try buckets.finish()
    let wanted = (0..<10).map { $0 < 4 ? 0 : Float(communicator.worldSize) }
    try expectEqual(Array(gradients), wanted, "gradients")
  },
  ContractCheck("sharded buckets sum this rank's parts, and tell the norm of the whole") { communicator in
    for (count, bucket) in [(1, 4), (7, 3), (1009, 100), (65_537, 4096)] {
      try checkSharded(communicator, count: count, bucketCount: bucket)
    }
  },
  ContractCheck("rows of a table that no batch touches stay at home") { communicator in
    // (rows, elements a row, elements before and after the table, elements a bucket, rows that a rank touches)
    for (rows, width, before, after, bucket, touched) in [
      (1, 1, 0, 0, 4, 1), (7, 3, 5, 2, 6, 0), (64, 16, 100, 37, 160, 3), (1001, 8, 31, 0, 900, 40),
      (50, 4, 0, 9, 40, 50),
    ] {
      for isSharded in [false, true] {
        try checkTable(
          communicator, GradientLayout.Rows(range: before..<before + rows * width, width: width),
          after: after,
          bucketCount: bucket, touchedCount: touched, isSharded: isSharded)
      }
    }
  },
]

private func checkSharded(_ communicator: any Communicator, count: Int, bucketCount: Int) throws {
  let gradients = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
  defer { gradients.deallocate() }
  for i in gradients.indices { gradients[i] = Float(i % 1013 + communicator.rank) }
  let buckets = try GradientBuckets(
    gradients: gradients, communicator: communicator, bucketBytes: bucketCount * 4, isSharded: true)
  try buckets.finish()
  let wanted = (0..<count).map { Float(wholeSum($0, communicator)) }
  let parts = buckets.layout.parts(ofPlace: buckets.place)
  for part in parts { try expectEqual(Array(gradients[part]), Array(wanted[part]), "part \(part)") }
  try expectEqual(
    try communicator.sum(Double(parts.reduce(0) { $0 + $1.count })), Double(count), "elements of all parts")
  guard communicator.worldSize > 1 else { return }
  let squares = wanted.reduce(0) { $0 + Double($1) * Double($1) }
  let found = try buckets.sumOfSquares()
  try expect(abs(found - squares) <= 1e-12 * squares, "Σ g² \(found), wanted \(squares)")
}

private func checkTable(
  _ communicator: any Communicator, _ table: GradientLayout.Rows, after: Int, bucketCount: Int,
  touchedCount: Int, isSharded: Bool
) throws {
  let (count, rows) = (table.range.upperBound + after, table.range.count / table.width)
  let gradients = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
  defer { gradients.deallocate() }
  gradients.initialize(repeating: 0)
  let touched = TouchedRows(table, communicator: communicator)
  let buckets = try GradientBuckets(
    gradients: gradients, communicator: communicator, bucketBytes: bucketCount * 4, touched: touched,
    isSharded: isSharded)
  func ids(_ rank: Int, _ round: Int) -> [Int] {
    (0..<touchedCount).map { ($0 * 7 + rank * 3 + round) % rows }
  }
  for round in 0..<2 {
    let mine = ids(communicator.rank, round)
    try touched.begin(mine.map { Int32($0) } + [-1, Int32(rows)])
    var wanted = [Float](repeating: 0, count: count)
    for i in 0..<count where !table.range.contains(i) {
      gradients[i] = Float(i % 101 + communicator.rank)
      wanted[i] = Float(wholeSum(i % 101, communicator))
    }
    for rank in 0..<communicator.worldSize {
      for id in Set(ids(rank, round)) {
        for i in 0..<table.width {
          let place = table.range.lowerBound + id * table.width + i
          if rank == communicator.rank { gradients[place] = Float(id + i + 1) }
          wanted[place] += Float(id + i + 1)
        }
      }
    }
    if communicator.worldSize == 1 { _ = try touched.finish() }
    try buckets.finish()
    let seen = isSharded ? buckets.layout.parts(ofPlace: buckets.place) : [0..<count]
    for part in seen {
      try expectEqual(Array(gradients[part]), Array(wanted[part]), "round \(round), \(part)")
    }
    touched.clear(gradients)
    try expect(gradients[table.range].allSatisfy { $0 == 0 }, "a row was left")
  }
}

private func checkBuckets(
  _ communicator: any Communicator, count: Int, bucketCount: Int, stride step: Int
) throws {
  let gradients = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
  defer { gradients.deallocate() }
  let buckets = try GradientBuckets(
    gradients: gradients, communicator: communicator, bucketBytes: bucketCount * MemoryLayout<Float>.stride)
  for round in 0..<3 {
    for i in 0..<count {
      gradients[i] = Float((i + round) % 1013 + communicator.rank)
      if i % step == step - 1 { try buckets.markReady(upTo: i + 1) }
    }
    try expect(try buckets.finish() >= 0, "exposed seconds")
    let wanted = (0..<count).map { Float(wholeSum($0 + round, communicator)) }
    try expectEqual(Array(gradients), wanted, "\(count) in buckets of \(bucketCount), round \(round)")
  }
}
