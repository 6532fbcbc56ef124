import Kernels

/// How pictures are cut into the cells of a tower's grid: cell (i, j) answers for the pixels of rows
/// i·s ..< (i + 1)·s and columns j·s ..< (j + 1)·s. Cells at the lower and right edge may reach beyond the picture.
package struct PixelGrid: Sendable, Equatable {
  /// H and W, in pixels.
  package var height: Int
  package var width: Int
  /// Cells down and across; together they cover the picture.
  package var rows: Int
  package var columns: Int
  /// s, in pixels.
  package var cellSize: Int

  package init(height: Int, width: Int, rows: Int, columns: Int, cellSize: Int) {
    precondition(rows * cellSize >= height && columns * cellSize >= width, "the grid leaves pixels out")
    (self.height, self.width, self.cellSize) = (height, width, cellSize)
    (self.rows, self.columns) = (rows, columns)
  }

  /// 3·s², the values that a cell answers for, in (channel, y, x) order.
  package var cellValueCount: Int { 3 * cellSize * cellSize }
}

/// The pixels inside the hidden squares of B pictures, and the L1 loss of their reconstruction.
package struct MaskedPixels: Sendable {
  package let grid: PixelGrid
  /// One a picture.
  package let regions: [RegionMask]
  /// The R cells that hold hidden pixels, as rows of [B · rows · columns], ascending.
  package let cells: [Int32]

  package init(_ grid: PixelGrid, regions: [RegionMask]) {
    (self.grid, self.regions) = (grid, regions)
    cells = regions.enumerated().flatMap { picture, region in
      Self.cells(grid, region).map { Int32(picture * grid.rows * grid.columns + $0) }
    }
  }

  /// Hidden values of these pictures, three a pixel.
  package static func valueCount(_ regions: [RegionMask]) -> Int {
    regions.reduce(0) { $0 + 3 * $1.side * $1.side }
  }

  /// Σ |prediction − picture| over the hidden values.
  ///
  /// - Parameters:
  ///   - predictions: [r, 3·s²], a row a cell of `cells[range]`.
  ///   - range: of `cells`, r of them.
  ///   - images: [B, 3, H, W], the whole pictures.
  ///   - factor: on the gradient; the reciprocal of the number of hidden values makes the loss their mean.
  ///   - dPredictions: [r, 3·s²], written; 0 outside the squares.
  package func lossAndGradient(
    predictions: UnsafePointer<Float>, of range: Range<Int>, images: UnsafePointer<Float>, factor: Float,
    into dPredictions: UnsafeMutablePointer<Float>
  ) -> Double {
    dPredictions.update(repeating: 0, count: range.count * grid.cellValueCount)
    var loss = 0.0
    for (row, cell) in cells[range].enumerated() {
      forEachRun(in: Int(cell)) { place, pixel, count in
        let at = row * grid.cellValueCount + place
        loss += l1LossAndGradient(
          predictions + at, target: images + pixel, into: dPredictions + at, count: count, factor: factor)
      }
    }
    return loss
  }

  /// Calls `body` with each run of hidden values that lie side by side: where it begins in the cell's values, where in
  /// images[B, 3, H, W], and its length.
  private func forEachRun(in cell: Int, _ body: (_ place: Int, _ pixel: Int, _ count: Int) -> Void) {
    let (size, cellCount) = (grid.cellSize, grid.rows * grid.columns)
    let (picture, inside) = (cell / cellCount, cell % cellCount)
    let (firstRow, firstColumn) = (inside / grid.columns * size, inside % grid.columns * size)
    let region = regions[picture]
    let rows = region.rows.clamped(to: firstRow..<firstRow + size)
    let columns = region.columns.clamped(to: firstColumn..<firstColumn + size)
    for channel in 0..<3 {
      for y in rows {
        body(
          (channel * size + y - firstRow) * size + columns.lowerBound - firstColumn,
          ((picture * 3 + channel) * grid.height + y) * grid.width + columns.lowerBound, columns.count)
      }
    }
  }

  /// Cells of one picture that a square touches, ascending.
  private static func cells(_ grid: PixelGrid, _ region: RegionMask) -> [Int] {
    precondition(region.rows.upperBound <= grid.height && region.columns.upperBound <= grid.width)
    let size = grid.cellSize
    return (region.top / size...(region.rows.upperBound - 1) / size).flatMap { i in
      (region.left / size...(region.columns.upperBound - 1) / size).map { i * grid.columns + $0 }
    }
  }
}
