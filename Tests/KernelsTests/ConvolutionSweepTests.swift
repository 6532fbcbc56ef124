import Kernels
import TestSupport
import Testing

/// oneDNN picks among many implementations by size; a wrong one shows in that the three products do not agree.
@Suite("Convolutions over many sizes")
struct ConvolutionSweepTests {
  static let shapes = [(3, 1, 1), (3, 2, 1), (7, 2, 3), (1, 1, 0), (1, 2, 0)].flatMap {
    kernel, stride, padding in
    [(2, 3), (3, 16), (8, 8), (24, 40), (64, 32)].map { inputs, outputs in
      ConvolutionShape(inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding)
    }
  }

  static let sizes = [
    (1, 1), (1, 2), (2, 2), (3, 3), (4, 4), (5, 3), (6, 6), (1, 7), (7, 1), (8, 8), (2, 9), (14, 14),
  ].flatMap { height, width in [1, 2, 5].map { MapSize(batch: $0, height: height, width: width) } }

  @Test("⟨dY, y⟩ = ⟨dX, x⟩ = ⟨dW, W⟩", arguments: shapes, Precision.allCases)
  func adjoints(_ shape: ConvolutionShape, _ precision: Precision) {
    for size in Self.sizes { adjoints(precision.storage, shape, size) }
  }

  /// Small whole numbers: every product and most sums are exact in both storage types.
  private func adjoints<S: ComputeScalar>(_: S.Type, _ shape: ConvolutionShape, _ size: MapSize) {
    let x = wholes(S.self, size.rows * shape.inputs, seed: 1)
    let dy = wholes(S.self, shape.output(size).rows * shape.outputs, seed: 2)
    let weight = wholes(Float.self, shape.outputs * shape.fanIn, seed: 3)
    var (y, dx) = (unwritten(S.self, dy.count), unwritten(S.self, x.count))
    var dWeight = [Float](repeating: 0, count: weight.count)
    weight.withUnsafeBufferPointer {
      let map = ConvolutionMap<S>(shape, weight: $0.baseAddress!)
      map.forward(x, size, into: &y)
      map.backwardInput(dy, size, into: &dx)
      map.backwardWeight(x, dy, size, into: &dWeight)
    }
    let byOutput = Reference.dot(doubles(dy), doubles(y))
    let bound = tolerance(S.self, fp32: 1e-5, bf16: 5e-3) * norm(doubles(dy)) * norm(doubles(y)) + 1e-9
    #expect(abs(Reference.dot(doubles(dx), doubles(x)) - byOutput) <= bound, "input gradient of \(size)")
    #expect(
      abs(Reference.dot(doubles(dWeight), doubles(weight)) - byOutput) <= bound, "weight gradient of \(size)")
  }

  private func wholes<S: ComputeScalar>(_: S.Type, _ count: Int, seed: UInt64) -> [S] {
    seededDoubles(count, seed: seed, scale: 2).map { S(rounding: Float($0.rounded())) }
  }
}
