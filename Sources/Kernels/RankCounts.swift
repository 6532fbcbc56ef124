import CKernels

/// Counts, over a tile of scores [R, C] of rows `rows` and columns `columns` of a larger matrix, what stands ahead of
/// matches: the greater score, of equal ones the smaller place, and whatever compares with no number.
package struct ScoreTileCounts {
  package var scores: UnsafePointer<Float>
  package var rows: Range<Int>
  package var columns: Range<Int>

  package init(_ scores: UnsafePointer<Float>, rows: Range<Int>, columns: Range<Int>) {
    (self.scores, self.rows, self.columns) = (scores, rows, columns)
  }

  /// ahead[r] += the scores of row r ahead of limits[r] at column places[r]; all three of the whole matrix's rows.
  package func addAhead(
    ofRows limits: UnsafePointer<Float>, at places: UnsafePointer<Int32>,
    to ahead: UnsafeMutablePointer<Int32>
  ) {
    WorkerPool.shareRows(rows.count, columns: columns.count) { part in
      for row in part {
        let place = rows.lowerBound + row
        ahead[place] += Int32(
          kelip_count_ahead(
            scores + row * columns.count, Int64(columns.count), limits[place],
            Int64(places[place]) - Int64(columns.lowerBound)))
      }
    }
  }

  /// ahead[c] += the scores of column c ahead of limits[c] at row places[c]; all three of the whole matrix's columns.
  package func addAhead(
    ofColumns limits: UnsafePointer<Float>, at places: UnsafePointer<Int32>,
    to ahead: UnsafeMutablePointer<Int32>
  ) {
    // What belongs to so many columns stays in the first-level cache while rows pass by.
    WorkerPool.share(columns.count, grain: 512) { part in
      for first in stride(from: part.lowerBound, to: part.upperBound, by: 512) {
        let place = columns.lowerBound + first
        kelip_add_ahead(
          scores + first, Int64(columns.count), Int64(rows.count), Int64(min(512, part.upperBound - first)),
          Int32(rows.lowerBound), limits + place, places + place, ahead + place)
      }
    }
  }

  package subscript(_ row: Int, _ column: Int) -> Float {
    scores[(row - rows.lowerBound) * columns.count + column - columns.lowerBound]
  }
}
