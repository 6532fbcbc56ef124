import Kernels

/// Query, key and value of BERT as one product: y[R, 3·W] = x[R, W] (Wq | Wk | Wv)ᵀ + (bq | bk | bv).
///
/// The six tensors have names of their own; the arena lays the weights end to end, and the biases, because the width
/// is a multiple of 16.
final class JoinedProjection<S: ComputeScalar> {
  private let weights: [Parameter]
  private let biases: [Parameter]
  private let width: Int
  private var isRead = false
  private lazy var map = LinearMap<S>(
    inputs: width, outputs: weights.count * width, layout: .outputsByInputs, weight: first(weights).value)

  /// - Parameter names: of the parts in the order of y's columns.
  init(_ registry: ParameterRegistry, names: [String], width: Int, std: Float) {
    precondition(width.isMultiple(of: 16), "the parts would not lie end to end")
    self.width = width
    // The arena lies in the reverse of this order.
    weights = names.reversed().map {
      registry.add("\($0).weight", [width, width], decays: true, .normal(std: std))
    }.reversed()
    biases = names.reversed().map { registry.add("\($0).bias", [width], decays: false, .constant(0)) }
      .reversed()
  }

  func refresh(training: Bool) { refreshMap(map, weights[0], &isRead, training: training) }

  /// x[R, W] → a new y[R, 3·W].
  func forward(_ x: UnsafePointer<S>, rows: Int, arena: Arena) -> UnsafeMutablePointer<S> {
    let y = arena.allocate(S.self, rows * weights.count * width)
    map.forward(x, bias: first(biases).value, into: y, rows: rows)
    return y
  }

  /// Accumulates the gradients of weights and biases (+=) and returns a new dX[R, W].
  func backward(
    _ dy: UnsafePointer<S>, input x: UnsafePointer<S>, rows: Int, arena: Arena
  ) -> UnsafeMutablePointer<S> {
    map.backwardWeight(
      x, dy, into: first(weights).gradient, dBias: first(biases).gradient, rows: rows, arena: arena)
    let dx = arena.allocate(S.self, rows * width)
    map.backwardInput(dy, into: dx, rows: rows)
    return dx
  }

  /// The first of parts that lie end to end.
  private func first(_ parts: [Parameter]) -> Parameter {
    precondition(zip(parts, parts.dropFirst()).allSatisfy { $0.end == $1.offset })
    return parts[0]
  }
}
