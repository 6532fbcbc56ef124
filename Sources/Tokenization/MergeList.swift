/// The learned merges: which two neighbouring tokens join, in which order, into which token.
struct MergeList: Sendable {
  /// By rank: the pair that joins first is the first.
  let pairs: [TokenPair]
  /// Pair → rank in the upper half, id of the joined token in the lower.
  private let table: PairTable

  /// - Parameter joined: the id of each pair's joined token, in the order of `pairs`.
  init(pairs: [TokenPair], joined: [Int32]) {
    precondition(pairs.count == joined.count)
    self.pairs = pairs
    var table = PairTable(minimumCapacity: pairs.count)
    for (rank, (pair, id)) in zip(pairs, joined).enumerated() {
      table.set(Int64(rank) << 32 | Int64(id), for: pair)
    }
    self.table = table
  }

  /// One place where a merge may happen: the lowest rank goes first, then the leftmost.
  private struct Candidate: Comparable {
    let rank: Int32
    let position: Int
    let joined: Int32

    static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
  }

  /// Longer words are joined with a queue, so that their cost does not grow with the square of their length.
  private static let longestScanned = 40

  /// Appends the tokens of one word to `ids`, joined until no merge applies; `tokens` is overwritten.
  func appendMerged(_ tokens: UnsafeMutableBufferPointer<Int32>, to ids: inout [Int32]) {
    guard tokens.count <= Self.longestScanned else { return ids += merged(Array(tokens)) }
    var count = tokens.count
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(1, count)) { found in
      for place in 0..<max(0, count - 1) {
        found.initializeElement(at: place, to: packed(tokens[place], tokens[place + 1]))
      }
      while count > 1, let place = lowest(found, count: count - 1) {
        tokens[place] = Int32(truncatingIfNeeded: found[place])
        count -= 1
        for index in place + 1..<max(place + 1, count) { tokens[index] = tokens[index + 1] }
        for index in place..<max(place, count - 1) { found[index] = found[index + 1] }
        if place > 0 { found[place - 1] = packed(tokens[place - 1], tokens[place]) }
        if place + 1 < count { found[place] = packed(tokens[place], tokens[place + 1]) }
      }
    }
    ids.append(contentsOf: UnsafeMutableBufferPointer(rebasing: tokens[..<count]))
  }

  /// Rank in the upper half and joined id in the lower; the largest number where the two do not join.
  @inline(__always)
  private func packed(_ left: Int32, _ right: Int32) -> Int64 { table[TokenPair(left, right)] ?? Int64.max }

  /// The place of the lowest rank, the leftmost of equals; nil where nothing joins.
  @inline(__always)
  private func lowest(_ found: UnsafeMutableBufferPointer<Int64>, count: Int) -> Int? {
    var best = 0
    for place in 1..<max(1, count) where found[place] < found[best] { best = place }
    return found[best] == Int64.max ? nil : best
  }

  /// Joins the tokens of one word until no merge applies.
  func merged(_ tokens: [Int32]) -> [Int32] {
    guard tokens.count > 1 else { return tokens }
    var tokens = tokens
    // A doubly linked list over the places; a place that was joined to its left neighbour holds -1.
    var next = Array(1...tokens.count)
    var previous = Array(-1..<tokens.count - 1)
    var heap = MinHeap((0..<tokens.count - 1).compactMap { candidate(at: $0, tokens[$0], tokens[$0 + 1]) })
    while let best = heap.pop() {
      let left = best.position
      guard tokens[left] >= 0, next[left] < tokens.count else { continue }
      let right = next[left]
      guard candidate(at: left, tokens[left], tokens[right])?.joined == best.joined else { continue }
      tokens[left] = best.joined
      tokens[right] = -1
      next[left] = next[right]
      if next[left] < tokens.count { previous[next[left]] = left }
      for first in [previous[left], left] where first >= 0 && next[first] < tokens.count {
        if let new = candidate(at: first, tokens[first], tokens[next[first]]) { heap.push(new) }
      }
    }
    return tokens.filter { $0 >= 0 }
  }

  private func candidate(at position: Int, _ left: Int32, _ right: Int32) -> Candidate? {
    guard let packed = table[TokenPair(left, right)] else { return nil }
    return Candidate(
      rank: Int32(truncatingIfNeeded: packed >> 32), position: position,
      joined: Int32(truncatingIfNeeded: packed))
  }
}
