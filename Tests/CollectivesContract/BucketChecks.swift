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
    let buckets = GradientBuckets(gradients: gradients, communicator: communicator, bucketBytes: 16)
    try buckets.markReady(upTo: 7)
    // The second bucket is not full: it may still be written.
    for i in 4..<10 { gradients[i] = 1 }
    try buckets.finish()
    let wanted = (0..<10).map { $0 < 4 ? 0 : Float(communicator.worldSize) }
    try expectEqual(Array(gradients), wanted, "gradients")
  },
]

private func checkBuckets(
  _ communicator: any Communicator, count: Int, bucketCount: Int, stride step: Int
) throws {
  let gradients = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
  defer { gradients.deallocate() }
  let buckets = GradientBuckets(
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
