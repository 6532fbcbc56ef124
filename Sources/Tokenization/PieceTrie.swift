/// The tokens of a WordPiece vocabulary by their bytes: finds the longest one that a word goes on with.
struct PieceTrie: Sendable {
  /// Where a search starts.
  enum Position: Int32 {
    case wordStart = 0
    case continuation = 1
  }

  /// (node, byte) → node.
  private var children = PairTable(minimumCapacity: 1 << 12)
  /// The token that ends at each node, or -1.
  private var ids: [Int32] = [-1, -1]

  mutating func insert(_ piece: some Sequence<UInt8>, id: Int32, at position: Position) {
    var node = position.rawValue
    for byte in piece {
      let fresh = Int32(ids.count)
      let child = Int32(children.value(of: TokenPair(node, Int32(byte)), orInsert: Int64(fresh)))
      if child == fresh { ids.append(-1) }
      node = child
    }
    ids[Int(node)] = id
  }

  /// The longest piece that `word` has at `start`: its id and its end.
  @inline(__always)
  func longest(
    in word: UnsafeBufferPointer<UInt8>, from start: Int, at position: Position
  ) -> (id: Int32, end: Int)? {
    var node = position.rawValue
    var best: (id: Int32, end: Int)?
    for index in start..<word.count {
      guard let child = children[TokenPair(node, Int32(word[index]))] else { break }
      node = Int32(truncatingIfNeeded: child)
      if ids[Int(node)] >= 0 { best = (ids[Int(node)], index + 1) }
    }
    return best
  }
}
