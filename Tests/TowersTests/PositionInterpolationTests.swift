import Kernels
import TestSupport
import Testing
import Towers

@Suite("Position interpolation")
struct PositionInterpolationTests {
  /// The fixture's cases: side of the table, rows and columns of the other grid.
  static let cases: [(side: Int, height: Int, width: Int)] = [
    (7, 3, 3), (14, 6, 6), (7, 3, 5), (2, 5, 3), (4, 7, 9), (1, 2, 3), (3, 1, 1), (2, 1, 4), (5, 4, 6),
  ]
  private let columns = 5

  @Test("DINO's values and gradient: 1e-6", arguments: cases)
  func dino(_ grid: (side: Int, height: Int, width: Int)) throws {
    let fixture = try Fixture("positions", in: .module)
    func values(_ name: String) throws -> [Float] {
      try fixture.floats("\(grid.side)_\(grid.height)x\(grid.width).\(name)")
    }
    let map = PositionInterpolation(side: grid.side, gridHeight: grid.height, gridWidth: grid.width)
    #expect(map.rows == grid.height * grid.width)
    var out = unwritten(Float.self, map.rows * columns)
    map.forward(try values("table"), into: &out, columns: columns)
    #expect(mismatch(out, doubles(try values("out")), tolerance: 1e-6) == nil)
    var dTable = [Float](repeating: 0, count: grid.side * grid.side * columns)
    map.backward(try values("dout"), into: &dTable, columns: columns)
    #expect(mismatch(dTable, doubles(try values("dtable")), tolerance: 1e-6) == nil)
  }

  @Test("backward adds and is the transpose: ⟨A x, y⟩ = ⟨x, Aᵀ y⟩", arguments: cases)
  func transpose(_ grid: (side: Int, height: Int, width: Int)) {
    let map = PositionInterpolation(side: grid.side, gridHeight: grid.height, gridWidth: grid.width)
    let x = seededFloats(grid.side * grid.side * columns, seed: 1)
    let y = seededFloats(map.rows * columns, seed: 2)
    var (image, back) = (unwritten(Float.self, y.count), [Float](repeating: 1, count: x.count))
    map.forward(x, into: &image, columns: columns)
    map.backward(y, into: &back, columns: columns)
    let (left, right) = (
      Reference.dot(doubles(image), doubles(y)), Reference.dot(doubles(x), doubles(back.map { $0 - 1 }))
    )
    #expect(abs(left - right) <= 1e-5 * max(1, abs(left)))
  }

  @Test("a constant table stays constant", arguments: cases)
  func partitionOfUnity(_ grid: (side: Int, height: Int, width: Int)) {
    let map = PositionInterpolation(side: grid.side, gridHeight: grid.height, gridWidth: grid.width)
    var out = unwritten(Float.self, map.rows)
    map.forward([Float](repeating: 2, count: grid.side * grid.side), into: &out, columns: 1)
    #expect(out.allSatisfy { abs($0 - 2) < 1e-6 })
  }
}
