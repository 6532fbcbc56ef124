extension Reference {
  /// y[r] = table[ids[r]] + positions[position[r]], C wide; a negative id gives a zero row.
  package static func embedTokensForward(
    table: [Double], positions: [Double], ids: [Int32], position: [Int32], columns: Int
  ) -> [Double] {
    zip(ids, position).flatMap { id, place in
      (0..<columns).map { c in
        id < 0 ? 0 : table[Int(id) * columns + c] + positions[Int(place) * columns + c]
      }
    }
  }

  /// dTable[ids[r]] = Σ dY[r], dPositions[position[r]] = Σ dY[r]; negative ids are skipped.
  package static func embedTokensBackward(
    _ dy: [Double], ids: [Int32], position: [Int32], vocabSize: Int, positionCount: Int, columns: Int
  ) -> (dTable: [Double], dPositions: [Double]) {
    var dTable = [Double](repeating: 0, count: vocabSize * columns)
    var dPositions = [Double](repeating: 0, count: positionCount * columns)
    for r in ids.indices where ids[r] >= 0 {
      for c in 0..<columns {
        dTable[Int(ids[r]) * columns + c] += dy[r * columns + c]
        dPositions[Int(position[r]) * columns + c] += dy[r * columns + c]
      }
    }
    return (dTable, dPositions)
  }
}
