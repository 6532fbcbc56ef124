/// Features `[N, D]`, row after row, that someone else owns.
///
/// Retrieval compares rows by their dot product: normalise them for cosine similarity.
package struct FeatureMatrix {
  package let values: UnsafeBufferPointer<Float>
  /// N
  package let count: Int
  /// D
  package let dimension: Int

  package init(_ values: UnsafeBufferPointer<Float>, count: Int, dimension: Int) {
    precondition(count >= 0 && dimension > 0 && values.count == count * dimension)
    self.values = values
    self.count = count
    self.dimension = dimension
  }

  /// Rows `range` as a matrix of their own.
  package func rows(_ range: Range<Int>) -> FeatureMatrix {
    FeatureMatrix(
      UnsafeBufferPointer(rebasing: values[range.lowerBound * dimension..<range.upperBound * dimension]),
      count: range.count, dimension: dimension)
  }
}

/// Dot products of two sets of rows: `scores[r · C + c] = Σ_d rows[r, d] · columns[c, d]`, that is `rows · columnsᵀ`,
/// with `rows` `[R, D]`, `columns` `[C, D]`, `scores` `[R, C]`.
package typealias ScoreTile = (
  _ rows: FeatureMatrix, _ columns: FeatureMatrix, _ scores: UnsafeMutableBufferPointer<Float>
) -> Void

package enum ScoreTiles {
  /// The rows that are scored at a time: the buffer holds this many times the number of columns.
  static let rowsPerTile = 64

  /// The definition in plain loops: for small sets and for tests of faster ones.
  package static func plain(
    rows: FeatureMatrix, columns: FeatureMatrix, scores: UnsafeMutableBufferPointer<Float>
  ) {
    let dimension = rows.dimension
    for r in 0..<rows.count {
      for c in 0..<columns.count {
        var sum: Float = 0
        for d in 0..<dimension {
          sum += rows.values[r * dimension + d] * columns.values[c * dimension + d]
        }
        scores[r * columns.count + c] = sum
      }
    }
  }

  /// Gives `body` each row of `rows · columnsᵀ` in turn. Memory is linear in the number of columns.
  static func forEachRow(
    of rows: FeatureMatrix, against columns: FeatureMatrix, scoreTile: ScoreTile,
    _ body: (_ row: Int, _ scores: UnsafeBufferPointer<Float>) -> Void
  ) {
    precondition(rows.dimension == columns.dimension)
    withUnsafeTemporaryAllocation(
      of: Float.self, capacity: min(rowsPerTile, max(rows.count, 1)) * columns.count
    ) { buffer in
      buffer.initialize(repeating: 0)
      for start in stride(from: 0, to: rows.count, by: rowsPerTile) {
        let tile = start..<min(start + rowsPerTile, rows.count)
        scoreTile(
          rows.rows(tile), columns,
          UnsafeMutableBufferPointer(rebasing: buffer[..<(tile.count * columns.count)]))
        for row in tile {
          let first = (row - start) * columns.count
          body(row, UnsafeBufferPointer(rebasing: buffer[first..<first + columns.count]))
        }
      }
    }
  }
}
