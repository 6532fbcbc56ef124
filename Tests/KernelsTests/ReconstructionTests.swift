import Kernels
import TestSupport
import Testing

@Suite("Reconstruction losses")
struct ReconstructionTests {
  @Test("channels are scaled each by its own", arguments: [(1, 1), (0, 4), (3, 25), (5, 49), (2, 1024)])
  func channels(_ sizes: (rows: Int, pixels: Int)) {
    let (factor, offset): ([Float], [Float]) = ([0.5, 1.5, -2], [0.25, -1, 3])
    let x = seededFloats(sizes.rows * 3 * sizes.pixels, seed: 1)
    var y = x
    scaleChannels(&y, factor: factor, offset: offset, rows: sizes.rows, pixels: sizes.pixels)
    let expected = Reference.scaleChannels(
      doubles(x), factor: doubles(factor), offset: doubles(offset), pixels: sizes.pixels)
    #expect(mismatch(y, expected, tolerance: 1e-6) == nil)
  }

  @Test(
    "rows are standardised, constant ones to 0", arguments: [(1, 3), (0, 3), (5, 27), (3, 192), (2, 3072)])
  func standardise(_ sizes: (rows: Int, columns: Int)) {
    var x = seededFloats(sizes.rows * sizes.columns, seed: 1, scale: 0.3, offset: 2)
    for c in 0..<min(x.count, sizes.columns) { x[c] = 0.5 }
    var y = x
    standardiseRows(&y, rows: sizes.rows, columns: sizes.columns)
    let expected = Reference.standardiseRows(doubles(x), rows: sizes.rows, columns: sizes.columns)
    #expect(y.prefix(sizes.columns).allSatisfy { $0 == 0 })
    #expect(normMismatch(doubles(y), expected, tolerance: 1e-5) == nil)
  }

  @Test("tanh keeps its digits at every size, is ±1 far out, and passes NaN on")
  func tanhSizes() {
    let x: [Float] = (-30...12).flatMap { [Float(sign: .plus, exponent: $0, significand: 1.3)] }
    for values in [x, x.map { -$0 }, [0.6249, 0.6251, 9, 10, 11]] {
      var y = unwritten(Float.self, values.count)
      tanhForward(values, into: &y, count: values.count)
      for (fast, slow) in zip(doubles(y), Reference.tanhForward(doubles(values))) {
        #expect(abs(fast - slow) <= 3e-7 * abs(slow))
      }
    }
    var ends: [Float] = [-.infinity, -1e30, 0, 1e30, .infinity, .nan]
    tanhForward(ends, into: &ends, count: ends.count)
    #expect(ends[..<5] == [-1, -1, 0, 1, 1] && ends[5].isNaN)
  }

  @Test("squared error and its gradient, also in place of the target", arguments: [0, 1, 7, 4096, 12289])
  func error(_ count: Int) {
    let (y, target) = (seededFloats(count, seed: 1), seededFloats(count, seed: 2))
    let slow = Reference.squaredError(doubles(y), target: doubles(target), factor: 0.25)
    var dy = unwritten(Float.self, count)
    let sum = squaredError(y, target: target, into: &dy, count: count, factor: 0.25)
    #expect(abs(sum - slow.sum) <= 1e-6 * slow.sum)
    #expect(mismatch(dy, slow.dy, tolerance: 1e-6) == nil)
    var inPlace = target
    let same = inPlace.withUnsafeMutableBufferPointer { buffer in
      count == 0
        ? 0
        : squaredError(
          y, target: buffer.baseAddress!, into: buffer.baseAddress!, count: count, factor: 0.25)
    }
    #expect(same == sum && inPlace == dy)
  }

  @Test("tanh and squared error: finite differences, step 1e-5, tolerance 1e-8")
  func differences() {
    let (x, target) = (seededDoubles(9, seed: 1), seededDoubles(9, seed: 2))
    let y = Reference.tanhForward(x)
    let dx = Reference.tanhBackward(Reference.squaredError(y, target: target, factor: 2).dy, y: y)
    let numeric = finiteDifferences(of: x, step: 1e-5) {
      Reference.squaredError(Reference.tanhForward($0), target: target, factor: 2).sum
    }
    #expect(mismatch(dx, numeric, tolerance: 1e-8) == nil)
  }
}
