import Kernels

/// A linear map from single rows of a tower's output to what was hidden there: y[r, N] = x[r, W] · Wᵀ + b.
///
/// Parameters NAME.weight [N, W] and NAME.bias [N]. Rows go through in tiles, so that N may be a vocabulary.
package final class ReconstructionHead<S: ComputeScalar> {
  private let weight: Parameter
  private let bias: Parameter
  private let width: Int
  private let outputs: Int
  private lazy var map = LinearMap<S>(
    inputs: width, outputs: outputs, layout: .outputsByInputs, weight: weight.value)

  package init(_ registry: ParameterRegistry, name: String, width: Int, outputs: Int) {
    (self.width, self.outputs) = (width, outputs)
    weight = registry.add(
      "\(name).weight", [outputs, width], decays: true, .normal(std: 1 / Float(width).squareRoot()))
    bias = registry.add("\(name).bias", [outputs], decays: false, .constant(0))
  }

  /// Re-reads the parameters into the compute path's copies; call after every change of them.
  package func refresh(training: Bool = true) { map.refresh(training: training) }

  /// The head's elements of the gradient arena end here.
  package var gradientEnd: Int { max(weight.end, bias.end) }

  /// Forward, loss and backward over the rows at `places`; the head's gradients accumulate (+=).
  ///
  /// - Parameters:
  ///   - rows: [R, W], a tower's output.
  ///   - places: of the rows that are looked at; each at most once.
  ///   - dRows: [R, W]; the rows at `places` are written, others stay.
  ///   - loss: gets predictions[r, N] of the rows at `places[range]`, writes their gradient, [r, N] too, and returns
  ///     their part of the loss.
  /// - Returns: the sum of these parts.
  package func reconstruct(
    _ rows: UnsafePointer<S>, places: [Int32], into dRows: UnsafeMutablePointer<S>, arena: Arena,
    loss: (
      _ predictions: UnsafePointer<Float>, _ dPredictions: UnsafeMutablePointer<Float>, _ range: Range<Int>
    ) -> Double
  ) -> Double {
    var total = 0.0
    for start in stride(from: 0, to: places.count, by: tileRows) {
      let range = start..<min(start + tileRows, places.count)
      total += arena.scratch { tile(rows, Array(places[range]), dRows, arena) { loss($0, $1, range) } }
    }
    return total
  }

  /// As many rows as make 16 million values, in whole multiples of 32 up to 256.
  private var tileRows: Int { min(256, max(32, (1 << 24) / outputs & ~31)) }

  private func tile(
    _ rows: UnsafePointer<S>, _ places: [Int32], _ dRows: UnsafeMutablePointer<S>, _ arena: Arena,
    _ loss: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Double
  ) -> Double {
    // Few shapes of matrix product occur when padded; zero rows carry no gradient.
    let padded = (places.count + 31) & ~31
    let x = arena.allocateZeroed(S.self, padded * width)
    gatherRows(rows, index: places, into: x, columns: width)
    let predictions = arena.allocate(Float.self, padded * outputs)
    map.forwardToFloat(x, bias: bias.value, into: predictions, rows: padded)
    let dPredictions = arena.allocateZeroed(Float.self, padded * outputs)
    let result = loss(predictions, dPredictions)
    let (dy, dx) = (
      arena.allocate(S.self, padded * outputs), arena.allocate(S.self, padded * width)
    )
    convert(dPredictions, into: dy, count: padded * outputs)
    map.backwardWeight(x, dy, into: weight.gradient, dBias: bias.gradient, rows: padded, arena: arena)
    map.backwardInput(dy, into: dx, rows: padded)
    scatterRows(dx, index: places, into: dRows, columns: width)
    return result
  }
}
