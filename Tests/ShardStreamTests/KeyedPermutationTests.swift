import Testing

@testable import ShardStream

@Suite struct KeyedPermutationTests {
  @Test(arguments: [1, 2, 3, 4, 5, 7, 16, 17, 64, 65, 1000, 4099])
  func isAPermutation(_ count: Int) {
    for key in [0, 1, UInt64.max] {
      let permutation = KeyedPermutation(count: count, key: key)
      #expect((0..<count).map { permutation($0) }.sorted() == Array(0..<count))
    }
  }

  @Test func worksOnLargeDomains() {
    let permutation = KeyedPermutation(count: 3_000_000_019, key: 9)
    let images = (0..<1000).map { permutation($0) }
    #expect(Set(images).count == 1000)
    #expect(images.allSatisfy { (0..<3_000_000_019).contains($0) })
    #expect(images.max()! > 2_000_000_000)
  }

  /// χ² of where each index goes over many keys; 99.99 % quantile of 12 degrees of freedom is 39.
  @Test func everyPlaceIsEquallyLikely() {
    let count = 13
    let keys = 13_000
    for index in 0..<count {
      var hits = [Int](repeating: 0, count: count)
      for key in 0..<keys { hits[KeyedPermutation(count: count, key: UInt64(key))(index)] += 1 }
      let expected = Double(keys / count)
      let chiSquare = hits.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
      #expect(chiSquare < 39, "index \(index): \(hits)")
    }
  }

  /// Neighbours must part: the distance between images of i and i+1 takes all values alike.
  @Test func neighboursAreUnrelated() {
    let count = 13
    var hits = [Int](repeating: 0, count: count)
    for key in 0..<12_000 {
      let permutation = KeyedPermutation(count: count, key: UInt64(key))
      hits[(permutation(6) - permutation(5) + count) % count] += 1
    }
    let chiSquare = hits[1...].reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 }
    #expect(hits[0] == 0)
    #expect(chiSquare < 37, "\(hits)")
  }
}
