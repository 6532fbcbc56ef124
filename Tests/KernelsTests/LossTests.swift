import Kernels
import TestSupport
import Testing

@Suite("L1 and cross-entropy")
struct LossTests {
  @Test("L1 and its gradient", arguments: [0, 1, 7, 33, 1009])
  func l1(_ count: Int) {
    let (x, target) = (seededFloats(count, seed: 1), seededFloats(count, seed: 2))
    var dx = unwritten(Float.self, count)
    let loss = l1LossAndGradient(x, target: target, into: &dx, count: count, factor: 0.25)
    let expected = Reference.l1(doubles(x), target: doubles(target), factor: 0.25)
    #expect(abs(loss - expected.loss) <= 1e-5 * max(1, expected.loss))
    #expect(doubles(dx) == expected.dx)
  }

  @Test("at the kink of L1 the slope is 0")
  func kink() {
    var dx = unwritten(Float.self, 3)
    #expect(l1LossAndGradient([1, -2, 0], target: [1, -2, 0], into: &dx, count: 3, factor: 1) == 0)
    #expect(dx == [0, 0, 0])
  }

  @Test("L1 against rows of a table")
  func rows() {
    let (x, table) = (seededFloats(15, seed: 3), seededFloats(20, seed: 4))
    let targets: [Int32] = [3, 0, 3]
    var dx = unwritten(Float.self, 15)
    let loss = l1RowsLossAndGradient(
      x, table: table, targets: targets[...], columns: 5, into: &dx, factor: 2)
    let chosen = targets.flatMap { table[Int($0) * 5..<Int($0) * 5 + 5] }
    let expected = Reference.l1(doubles(x), target: doubles(chosen), factor: 2)
    #expect(abs(loss - expected.loss) < 1e-5)
    #expect(doubles(dx) == expected.dx)
  }

  @Test("cross-entropy and its gradient", arguments: [(0, 5), (1, 1), (1, 7), (5, 33), (3, 1009)])
  func crossEntropy(_ rows: Int, _ columns: Int) {
    let logits = seededFloats(rows * columns, seed: 5, scale: 4)
    let targets = (0..<rows).map { Int32(($0 * 31 + 2) % columns) }
    var dLogits = unwritten(Float.self, rows * columns)
    let loss = crossEntropyLossAndGradient(
      logits, targets: targets[...], columns: columns, into: &dLogits, factor: 0.5)
    let expected = Reference.crossEntropy(
      doubles(logits), targets: targets.map(Int.init), columns: columns, factor: 0.5)
    #expect(abs(loss - expected.loss) <= 1e-5 * max(1, expected.loss))
    // One column has no gradient but rounding.
    #expect(normMismatch(doubles(dLogits), expected.dLogits, tolerance: 1e-5, floor: 1e-6) == nil)
  }

  @Test("cross-entropy of a hopeless row is large, not infinite")
  func hopeless() {
    var dLogits = unwritten(Float.self, 2)
    let loss = crossEntropyLossAndGradient([500, -500], targets: [1], columns: 2, into: &dLogits, factor: 1)
    #expect(abs(loss - 1000) < 1e-3)
    #expect(dLogits == [1, -1])
  }

  @Test("the references: finite differences, step 1e-6, tolerance 1e-7")
  func differences() {
    let x = seededDoubles(12, seed: 6)
    let target = seededDoubles(12, seed: 7)
    let l1 = finiteDifferences(of: x, step: 1e-6) { Reference.l1($0, target: target, factor: 1).loss }
    #expect(mismatch(Reference.l1(x, target: target, factor: 1).dx, l1, tolerance: 1e-7) == nil)
    let entropy = finiteDifferences(of: x, step: 1e-5) {
      Reference.crossEntropy($0, targets: [3, 0, 1], columns: 4, factor: 1).loss
    }
    let found = Reference.crossEntropy(x, targets: [3, 0, 1], columns: 4, factor: 1).dLogits
    #expect(mismatch(found, entropy, tolerance: 1e-7) == nil)
  }
}
