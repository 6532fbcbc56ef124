extension Reference {
  /// y[r] = (x[source[r]], or token for a negative source) + positions[position[r]], C wide.
  package static func assembleTokensForward(
    _ x: [Double], token: [Double], positions: [Double], source: [Int32], position: [Int32], columns: Int
  ) -> [Double] {
    zip(source, position).flatMap { source, place in
      (0..<columns).map { c in
        (source < 0 ? token[c] : x[Int(source) * columns + c]) + positions[Int(place) * columns + c]
      }
    }
  }

  /// dX[source[r]] = dY[r], dToken = Σ dY of rows without a source, dPositions[position[r]] = Σ dY[r].
  package static func assembleTokensBackward(
    _ dy: [Double], source: [Int32], position: [Int32], sourceCount: Int, positionCount: Int, columns: Int
  ) -> (dx: [Double], dToken: [Double], dPositions: [Double]) {
    var dx = [Double](repeating: 0, count: sourceCount * columns)
    var dToken = [Double](repeating: 0, count: columns)
    var dPositions = [Double](repeating: 0, count: positionCount * columns)
    for i in dy.indices {
      let (r, c) = i.quotientAndRemainder(dividingBy: columns)
      dPositions[Int(position[r]) * columns + c] += dy[i]
      if source[r] < 0 { dToken[c] += dy[i] } else { dx[Int(source[r]) * columns + c] = dy[i] }
    }
    return (dx, dToken, dPositions)
  }

  /// Patches `index` = picture · P + cell of images[B, 3, H, W] → [R, 3·p·p], in (channel, y, x) order.
  package static func gatherPatches(
    _ images: [Double], index: [Int32], height: Int, width: Int, patchSize p: Int
  ) -> [Double] {
    let across = width / p
    let count = height / p * across
    return index.flatMap { patch in
      let (b, cell) = Int(patch).quotientAndRemainder(dividingBy: count)
      return (0..<3 * p * p).map { i in
        let (channel, y, x) = (i / (p * p), cell / across * p + i / p % p, cell % across * p + i % p)
        return images[((b * 3 + channel) * height + y) * width + x]
      }
    }
  }
}
