import Kernels
import TestSupport
import Testing

@Suite("Means over packed sequences, tanh, column sums")
struct SequenceMeanTests {
  static let lengths: [[Int]] = [[], [1], [3, 1, 7], [33], [2, 2]]

  private func offsets(_ lengths: [Int]) -> [Int32] {
    lengths.reduce(into: [0]) { $0.append($0.last! + Int32($1)) }
  }

  @Test("means and their gradient", arguments: lengths, Precision.allCases)
  func means(_ lengths: [Int], _ precision: Precision) throws {
    for columns in [1, 7, 48] { try means(precision.storage, lengths, columns) }
  }

  private func means<S: ComputeScalar>(_: S.Type, _ lengths: [Int], _ columns: Int) throws {
    let (offsets, rows) = (offsets(lengths), lengths.reduce(0, +))
    let (x, dy) = (Values<S>(rows * columns, seed: 1), Values<S>(lengths.count * columns, seed: 2))
    var (y, dx) = (unwritten(S.self, lengths.count * columns), unwritten(S.self, rows * columns))
    let arena = try Arena(capacity: 1 << 20)
    sequenceMeansForward(x.stored, offsets: offsets, into: &y, columns: columns, arena: arena)
    sequenceMeansBackward(dy.stored, offsets: offsets, into: &dx, columns: columns, arena: arena)
    let bound = tolerance(S.self, fp32: 1e-6, bf16: 4e-3)
    #expect(mismatch(y, Reference.sequenceMeansForward(x.exact, offsets, columns), tolerance: bound) == nil)
    #expect(
      mismatch(dx, Reference.sequenceMeansBackward(dy.exact, offsets, columns), tolerance: bound) == nil)
  }

  @Test("the gradient of means by finite differences: step 1e-3, tolerance 1e-8")
  func meansDifferences() {
    let (offsets, x, dy) = ([0, 3, 4] as [Int32], seededDoubles(20, seed: 1), seededDoubles(10, seed: 2))
    let slopes = finiteDifferences(of: x, step: 1e-3) {
      Reference.dot(Reference.sequenceMeansForward($0, offsets, 5), dy)
    }
    #expect(mismatch(Reference.sequenceMeansBackward(dy, offsets, 5), slopes, tolerance: 1e-8) == nil)
  }

  @Test("tanh and its gradient", arguments: [0, 1, 33, 1009], Precision.allCases)
  func tanhs(_ count: Int, _ precision: Precision) { tanhs(precision.storage, count) }

  private func tanhs<S: ComputeScalar>(_: S.Type, _ count: Int) {
    let (x, dy) = (Values<S>(count, seed: 1, scale: 2), Values<S>(count, seed: 2))
    var (y, dx) = (unwritten(S.self, count), unwritten(S.self, count))
    tanhForward(x.stored, into: &y, count: count)
    tanhBackward(dy.stored, y: y, into: &dx, count: count)
    let bound = tolerance(S.self, fp32: 1e-6, bf16: 4e-3)
    #expect(mismatch(y, Reference.tanhForward(x.exact), tolerance: bound) == nil)
    #expect(mismatch(dx, Reference.tanhBackward(dy.exact, y: doubles(y)), tolerance: bound) == nil)
  }

  @Test("the gradient of tanh by finite differences: step 1e-4, tolerance 1e-7")
  func tanhDifferences() {
    let (x, dy) = (seededDoubles(9, seed: 1), seededDoubles(9, seed: 2))
    let slopes = finiteDifferences(of: x, step: 1e-4) { Reference.dot(Reference.tanhForward($0), dy) }
    let exact = Reference.tanhBackward(dy, y: Reference.tanhForward(x))
    #expect(mismatch(exact, slopes, tolerance: 1e-7) == nil)
  }

  @Test("column sums are added", arguments: MatrixShape.awkward, Precision.allCases)
  func columnSums(_ shape: MatrixShape, _ precision: Precision) { columnSums(precision.storage, shape) }

  private func columnSums<S: ComputeScalar>(_: S.Type, _ shape: MatrixShape) {
    let x = Values<S>(shape.rows * shape.columns, seed: 1)
    var sums = seededFloats(shape.columns, seed: 2)
    var expected = doubles(sums)
    for i in x.exact.indices { expected[i % shape.columns] += x.exact[i] }
    addColumnSums(x.stored, to: &sums, rows: shape.rows, columns: shape.columns)
    #expect(mismatch(sums, expected, tolerance: 1e-5) == nil)
  }
}
