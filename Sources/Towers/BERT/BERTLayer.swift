import Kernels

/// A post-LayerNorm encoder layer of BERT (Devlin et al. 2019), R rows of width W:
///
///     y = LN₁(x + attention(x)),  the layer's output is LN₂(y + MLP(y))
final class BERTLayer<S: ComputeScalar> {
  /// What forward leaves for backward.
  private struct Saved {
    var x: UnsafeMutablePointer<S>
    var qkv: UnsafeMutablePointer<S>
    var attended: UnsafeMutablePointer<S>
    /// x + attention(x).
    var sum1: UnsafeMutablePointer<S>
    var norm1: LayerNorm<S>.Saved
    /// R × 4W before and after the activation.
    var hidden: Activated<S>
    /// y + MLP(y).
    var sum2: UnsafeMutablePointer<S>
    var norm2: LayerNorm<S>.Saved
  }

  private let width: Int
  private let inProjection: JoinedProjection<S>
  private let outProjection: Linear<S>
  private let norm1: LayerNorm<S>
  private let fc: Linear<S>
  private let projection: Linear<S>
  private let norm2: LayerNorm<S>
  /// End of the arena prefix that is complete once this layer's backward is done.
  let gradientEnd: () -> Int
  private var saved: Saved?

  init(_ registry: ParameterRegistry, name: String, _ config: BERTConfig) {
    let start = registry.count
    let eps = Float(config.layerNormEps)
    let hiddenWidth = config.hiddenWidth
    width = config.width
    inProjection = JoinedProjection(
      registry, names: ["query", "key", "value"].map { "\(name).attention.self.\($0)" }, width: width,
      std: bertStd)
    outProjection = Linear(
      registry, name: "\(name).attention.output.dense", inputs: width, outputs: width, std: bertStd)
    norm1 = LayerNorm(registry, name: "\(name).attention.output.LayerNorm", width: width, eps: eps)
    fc = Linear(
      registry, name: "\(name).intermediate.dense", inputs: width, outputs: hiddenWidth, std: bertStd)
    projection = Linear(
      registry, name: "\(name).output.dense", inputs: hiddenWidth, outputs: width, std: bertStd)
    norm2 = LayerNorm(registry, name: "\(name).output.LayerNorm", width: width, eps: eps)
    gradientEnd = registry.gradientEnd(since: start)
  }

  func refresh(training: Bool) {
    inProjection.refresh(training: training)
    for linear in [outProjection, fc, projection] { linear.refresh(training: training) }
  }

  /// x[R, W] → a new output[R, W].
  func forward(_ x: UnsafeMutablePointer<S>, _ context: PassContext) -> UnsafeMutablePointer<S> {
    let (arena, rows) = (context.arena, context.rows)
    let qkv = inProjection.forward(x, rows: rows, arena: arena)
    let attended = arena.allocate(S.self, rows * width)
    attentionForward(qkv, offsets: context.offsets, shape: context.attention, into: attended, arena: arena)
    let o = outProjection.forward(attended, rows: rows, arena: arena)
    let (sum1, y, saved1) = norm1.forward(x, residual: o, rows: rows, arena: arena)
    let hidden = fc.forward(y, through: .gelu, rows: rows, arena: arena)
    let m = projection.forward(hidden.output, rows: rows, arena: arena)
    let (sum2, output, saved2) = norm2.forward(y, residual: m, rows: rows, arena: arena)
    saved = Saved(
      x: x, qkv: qkv, attended: attended, sum1: sum1, norm1: saved1, hidden: hidden, sum2: sum2, norm2: saved2
    )
    return output
  }

  /// `dStream`[R, W] enters as the gradient of the layer's output and leaves as that of its input.
  func backward(_ dStream: UnsafeMutablePointer<S>, _ context: PassContext) {
    guard let saved else { preconditionFailure("backward without forward") }
    let (arena, rows) = (context.arena, context.rows)
    arena.scratch {
      let dy = backwardMLP(dStream, saved, context)
      // LN₁'s backward adds, and x's gradient begins with it.
      dStream.update(repeating: S(rounding: 0), count: rows * width)
      norm1.backward(dy, h: saved.sum1, saved.norm1, addingTo: dStream, rows: rows, arena: arena)
      addInPlace(backwardAttention(dStream, saved, context), to: dStream, count: rows * width)
    }
    self.saved = nil
  }

  /// From the gradient of the output to a new gradient of y.
  private func backwardMLP(_ dOutput: UnsafePointer<S>, _ saved: Saved, _ context: PassContext)
    -> UnsafeMutablePointer<S>
  {
    let (arena, rows) = (context.arena, context.rows)
    let dSum = arena.allocateZeroed(S.self, rows * width)
    norm2.backward(dOutput, h: saved.sum2, saved.norm2, addingTo: dSum, rows: rows, arena: arena)
    let dHidden = projection.backward(dSum, through: saved.hidden, rows: rows, arena: arena)
    let dy = fc.backward(dHidden, input: saved.norm1.output, rows: rows, arena: arena)
    addInPlace(dSum, to: dy, count: rows * width)
    return dy
  }

  /// From the gradient of attention(x) to a new gradient of x through it.
  private func backwardAttention(_ dOut: UnsafePointer<S>, _ saved: Saved, _ context: PassContext)
    -> UnsafeMutablePointer<S>
  {
    let (arena, rows) = (context.arena, context.rows)
    let dAttended = outProjection.backward(dOut, input: saved.attended, rows: rows, arena: arena)
    let dQKV = arena.allocate(S.self, rows * 3 * width)
    attentionBackward(
      dAttended, qkv: saved.qkv, offsets: context.offsets, shape: context.attention, into: dQKV, arena: arena)
    return inProjection.backward(dQKV, input: saved.x, rows: rows, arena: arena)
  }
}

/// BERT's `initializer_range`: the deviation of every weight at the start.
let bertStd: Float = 0.02
