import Foundation
import Kernels
import Objectives
import TestSupport
import Testing
import Towers

@Suite("The joint masked objective against torch")
struct MaskedReconstructionTests {
  private struct Shapes: Decodable {
    var height: Int
    var width: Int
    var rows: Int
    var columns: Int
    var cellSize: Int
    var rowWidth: Int
    var vocabulary: Int

    enum CodingKeys: String, CodingKey {
      case height, width, vocabulary
      case rows = "grid_rows"
      case columns = "grid_columns"
      case cellSize = "cell_size"
      case rowWidth = "row_width"
    }
  }

  private let fixture: Fixture
  private let shapes: Shapes

  init() throws {
    fixture = try Fixture("masked_reconstruction", in: .module)
    shapes = try JSONDecoder().decode(Shapes.self, from: Data(fixture.metadata["shapes"]!.utf8))
  }

  /// Norm-wise bounds: the losses' and gradients' in fp32, and what 8 bits of fraction leave of them. Signs of
  /// differences near 0 may turn in bf16, which the gradients of L1 feel.
  private func tolerance(_ precision: Precision) -> (loss: Double, gradient: Double) {
    precision == .fp32 ? (1e-6, 1e-5) : (1e-2, 5e-2)
  }

  private struct Outcome {
    var loss: Double
    var dRows: [Double]
    var dWeight: [Double]
    var dBias: [Double]
  }

  /// A head with torch's weights, run over the rows at `places`.
  private func run<S: ComputeScalar>(
    _: S.Type, _ name: String, outputs: Int, rows: [Float], places: [Int32],
    loss: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Range<Int>) -> Double
  ) throws -> Outcome {
    let registry = ParameterRegistry()
    let head = ReconstructionHead<S>(registry, name: name, width: shapes.rowWidth, outputs: outputs)
    let arena = ParameterArena(registry)
    for parameter in arena.parameters {
      parameter.value.update(from: try fixture.floats(parameter.name), count: parameter.count)
    }
    head.refresh()
    var dRows = [S](repeating: S(rounding: 0), count: rows.count)
    let stored = rows.map { S(rounding: $0) }
    let total = head.reconstruct(stored, places: places, into: &dRows, arena: try testArena(), loss: loss)
    func gradient(_ suffix: String) -> [Double] {
      let parameter = arena.parameters.first { $0.name == "\(name).\(suffix)" }!
      return (0..<parameter.count).map { Double(parameter.gradient[$0]) }
    }
    return Outcome(loss: total, dRows: doubles(dRows), dWeight: gradient("weight"), dBias: gradient("bias"))
  }

  private func expect(_ outcome: Outcome, _ name: String, dRows: String, _ precision: Precision) throws {
    let tolerance = tolerance(precision)
    let loss = try fixture.doubles("\(name).loss")[0]
    #expect(abs(outcome.loss - loss) <= tolerance.loss * loss)
    for (found, key) in [(outcome.dRows, dRows), (outcome.dWeight, "d_weight"), (outcome.dBias, "d_bias")] {
      let expected = try fixture.doubles("\(name).\(key)")
      #expect(normMismatch(found, expected, tolerance: tolerance.gradient) == nil, "\(name).\(key)")
    }
  }

  @Test("pixels of hidden squares: loss and every gradient", arguments: Precision.allCases)
  func pixels(_ precision: Precision) throws {
    func check<S: ComputeScalar>(_: S.Type) throws {
      let grid = PixelGrid(
        height: shapes.height, width: shapes.width, rows: shapes.rows, columns: shapes.columns,
        cellSize: shapes.cellSize)
      let regions = try Self.regions(fixture.integers("regions"))
      let pixels = MaskedPixels(grid, regions: regions)
      let images = try fixture.floats("images")
      let mean = 1 / Double(MaskedPixels.valueCount(regions))
      var outcome = try run(
        S.self, "image", outputs: grid.cellValueCount, rows: fixture.floats("grid"), places: pixels.cells
      ) {
        pixels.lossAndGradient(predictions: $0, of: $2, images: images, factor: Float(mean), into: $1)
      }
      outcome.loss *= mean
      try expect(outcome, "image", dRows: "d_grid", precision)
    }
    try precision == .fp32 ? check(Float.self) : check(BFloat16.self)
  }

  @Test("the squares of torch's masked pictures")
  func hiding() throws {
    var images = try fixture.floats("images")
    let count = 3 * shapes.height * shapes.width
    for (picture, region) in try Self.regions(fixture.integers("regions")).enumerated() {
      images.withUnsafeMutableBufferPointer {
        region.hide(in: $0.baseAddress! + picture * count, height: shapes.height, width: shapes.width)
      }
    }
    #expect(try images == fixture.floats("masked_images"))
  }

  @Test("hidden tokens: loss and every gradient", arguments: MaskedTextLoss.allCases, Precision.allCases)
  func tokens(_ kind: MaskedTextLoss, _ precision: Precision) throws {
    let places = try fixture.integers("places").map { Int32($0) }
    let targets = try fixture.integers("targets").map { Int32($0) }
    let table = try fixture.floats("table")
    let outputs = kind == .l1 ? shapes.rowWidth : shapes.vocabulary
    let mean = 1 / Double(kind == .l1 ? targets.count * outputs : targets.count)
    func check<S: ComputeScalar>(_: S.Type) throws {
      var outcome = try run(
        S.self, kind.rawValue, outputs: outputs, rows: fixture.floats("tokens"), places: places
      ) {
        kind == .l1
          ? l1RowsLossAndGradient(
            $0, table: table, targets: targets[$2], columns: outputs, into: $1, factor: Float(mean))
          : crossEntropyLossAndGradient(
            $0, targets: targets[$2], columns: outputs, into: $1, factor: Float(mean))
      }
      outcome.loss *= mean
      try expect(outcome, kind.rawValue, dRows: "d_tokens", precision)
    }
    try precision == .fp32 ? check(Float.self) : check(BFloat16.self)
  }

  @Test("many rows in tiles give what each alone gives", arguments: [0, 1, 31, 33, 257, 513])
  func tiles(_ count: Int) throws {
    let width = shapes.rowWidth
    let rows = seededFloats(count * width, seed: 1)
    // L = ½ Σ y²: dY = y, whatever the tile.
    func outcome(_ places: Range<Int>) throws -> Outcome {
      try run(Float.self, "l1", outputs: width, rows: rows, places: places.map { Int32($0) }) {
        y, dy, range in
        dy.update(from: y, count: range.count * width)
        return 0.5 * sumOfSquares(y, count: range.count * width)
      }
    }
    let whole = try outcome(0..<count)
    let halves = try [outcome(0..<count / 2), outcome(count / 2..<count)]
    #expect(abs(whole.loss - halves[0].loss - halves[1].loss) <= 1e-5 * whole.loss)
    let dRows = zip(halves[0].dRows, halves[1].dRows).map { $0 + $1 }
    #expect(normMismatch(whole.dRows, dRows, tolerance: 1e-5) == nil)
    let dWeight = zip(halves[0].dWeight, halves[1].dWeight).map { $0 + $1 }
    #expect(normMismatch(whole.dWeight, dWeight, tolerance: 1e-5, floor: 1e-9) == nil)
  }

  private static func regions(_ values: [Int64]) -> [RegionMask] {
    stride(from: 0, to: values.count, by: 3).map {
      RegionMask(top: Int(values[$0]), left: Int(values[$0 + 1]), side: Int(values[$0 + 2]))
    }
  }
}
