import Kernels
import Objectives
import TestSupport
import Testing

@Suite("The loss of hidden pixels")
struct MaskedPixelTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var grid: PixelGrid
    var regions: [RegionMask]
    var testDescription: String { "\(grid.height) × \(grid.width) in cells of \(grid.cellSize)" }
  }

  private static func grid(_ height: Int, _ width: Int, _ size: Int) -> PixelGrid {
    PixelGrid(
      height: height, width: width, rows: (height + size - 1) / size, columns: (width + size - 1) / size,
      cellSize: size)
  }

  static let cases = [
    Case(grid: grid(1, 1, 1), regions: [RegionMask(top: 0, left: 0, side: 1)]),
    Case(
      grid: grid(8, 12, 4),
      regions: [RegionMask(top: 0, left: 4, side: 4), RegionMask(top: 3, left: 3, side: 2)]),
    // Cells that reach beyond the picture, and one larger than it.
    Case(
      grid: grid(7, 11, 5),
      regions: [RegionMask(top: 1, left: 4, side: 6), RegionMask(top: 6, left: 10, side: 1)]),
    Case(grid: grid(5, 5, 8), regions: [RegionMask(top: 0, left: 0, side: 5)]),
  ]

  /// The loss as it is said: over every pixel of every picture, those of the squares count.
  private func expected(
    _ test: Case, cells: [Int32], _ predictions: [Double], _ images: [Double], _ factor: Double
  )
    -> (loss: Double, gradient: [Double])
  {
    let grid = test.grid
    var (loss, gradient) = (0.0, [Double](repeating: 0, count: predictions.count))
    for (picture, region) in test.regions.enumerated() {
      for channel in 0..<3 {
        for y in region.rows {
          for x in region.columns {
            let cell = (picture * grid.rows + y / grid.cellSize) * grid.columns + x / grid.cellSize
            let row = cells.firstIndex(of: Int32(cell))!
            let place =
              row * grid.cellValueCount
              + (channel * grid.cellSize + y % grid.cellSize) * grid.cellSize + x % grid.cellSize
            let pixel = images[((picture * 3 + channel) * grid.height + y) * grid.width + x]
            let one = Reference.l1([predictions[place]], target: [pixel], factor: factor)
            loss += one.loss
            gradient[place] = one.dx[0]
          }
        }
      }
    }
    return (loss, gradient)
  }

  @Test("equals the plain loops, whole and in parts", arguments: cases, [1, 3, 100])
  func parity(_ test: Case, _ tileRows: Int) {
    let pixels = MaskedPixels(test.grid, regions: test.regions)
    let size = test.grid.cellValueCount
    let predictions = seededFloats(pixels.cells.count * size, seed: 1)
    let images = seededFloats(test.regions.count * 3 * test.grid.height * test.grid.width, seed: 2)
    var (loss, gradient) = (0.0, [Float]())
    for start in stride(from: 0, to: pixels.cells.count, by: tileRows) {
      let range = start..<min(start + tileRows, pixels.cells.count)
      var part = unwritten(Float.self, range.count * size)
      loss += pixels.lossAndGradient(
        predictions: Array(predictions[range.lowerBound * size..<range.upperBound * size]), of: range,
        images: images, factor: 0.5, into: &part)
      gradient += part
    }
    let plain = expected(test, cells: pixels.cells, doubles(predictions), doubles(images), 0.5)
    #expect(abs(loss - plain.loss) <= 1e-5 * plain.loss)
    #expect(doubles(gradient) == plain.gradient)
    let hidden = MaskedPixels.valueCount(test.regions)
    #expect(gradient.count { $0 != 0 } == hidden)
  }

  @Test("cells are those that a square touches")
  func cells() {
    let pixels = MaskedPixels(
      Self.grid(8, 8, 4),
      regions: [RegionMask(top: 3, left: 0, side: 2), RegionMask(top: 4, left: 4, side: 4)])
    #expect(pixels.cells == [0, 2, 7])
  }
}
