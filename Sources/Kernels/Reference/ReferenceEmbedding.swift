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

  /// images[B, 3, S, S] → patches[B·(S/p)², 3·p·p], rows in (channel, y, x) order.
  package static func patchify(
    _ images: [Double], batch: Int, imageSize: Int, patchSize: Int
  ) -> [Double] {
    let (size, p, grid) = (imageSize, patchSize, imageSize / patchSize)
    let rowLength = 3 * p * p
    return (0..<batch * grid * grid * rowLength).map { i in
      let (row, cell) = i.quotientAndRemainder(dividingBy: rowLength)
      let (b, gy, gx) = (row / (grid * grid), row / grid % grid, row % grid)
      let (channel, y, x) = (cell / (p * p), cell / p % p, cell % p)
      return images[((b * 3 + channel) * size + gy * p + y) * size + gx * p + x]
    }
  }

  /// y[b, t] = (class for t = 0, patches[b, t − 1] after) + positions[t].
  package static func assemblePatchesForward(
    _ patches: [Double], classEmbedding: [Double], positions: [Double], batch: Int, patchCount: Int,
    columns: Int
  ) -> [Double] {
    (0..<batch * (1 + patchCount) * columns).map { i in
      let (row, c) = i.quotientAndRemainder(dividingBy: columns)
      let (b, t) = row.quotientAndRemainder(dividingBy: 1 + patchCount)
      let content = t == 0 ? classEmbedding[c] : patches[(b * patchCount + t - 1) * columns + c]
      return content + positions[t * columns + c]
    }
  }

  /// dPatches[b, t − 1] = dY[b, t], dClass = Σ_b dY[b, 0], dPositions[t] = Σ_b dY[b, t].
  package static func assemblePatchesBackward(
    _ dy: [Double], batch: Int, patchCount: Int, columns: Int
  ) -> (dPatches: [Double], dClass: [Double], dPositions: [Double]) {
    var dPatches = [Double](repeating: 0, count: batch * patchCount * columns)
    var dClass = [Double](repeating: 0, count: columns)
    var dPositions = [Double](repeating: 0, count: (1 + patchCount) * columns)
    for i in dy.indices {
      let (row, c) = i.quotientAndRemainder(dividingBy: columns)
      let (b, t) = row.quotientAndRemainder(dividingBy: 1 + patchCount)
      dPositions[t * columns + c] += dy[i]
      if t == 0 { dClass[c] += dy[i] } else { dPatches[(b * patchCount + t - 1) * columns + c] = dy[i] }
    }
    return (dPatches, dClass, dPositions)
  }
}
