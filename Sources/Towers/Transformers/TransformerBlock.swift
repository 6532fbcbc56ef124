import Kernels

/// Everything a tower passes down to its blocks for one pass.
package struct PassContext {
  /// Row counts, sequence boundaries and causality of the packed sequences.
  package var attention: AttentionShape
  /// Sequence s is rows offsets[s] ..< offsets[s + 1].
  package var offsets: [Int32]
  /// Holds activations, and scratch memory for backward.
  package var arena: Arena

  /// R, the rows of all sequences, padding included.
  package var rows: Int { attention.rows }
}

/// A pre-LayerNorm residual attention block of CLIP (Radford et al. 2021), R rows of width W:
///
///     h₁ = x + r,  o = attention(LN₁(h₁)),  h₂ = h₁ + o,  r' = MLP(LN₂(h₂)),  the block's output is h₂ + r'
///
/// The last sum is left to the next block's first norm, which fuses it.
package final class TransformerBlock<S: ComputeScalar> {
  /// The residual stream between blocks: its value is `h` + `r`, R × W each.
  package struct Stream {
    /// [R, W].
    package var h: UnsafeMutablePointer<S>
    /// [R, W]; nil stands for zero, before the first block.
    package var r: UnsafeMutablePointer<S>?
  }

  /// What forward leaves for backward.
  private struct Saved {
    var h1: UnsafeMutablePointer<S>
    var norm1: LayerNorm<S>.Saved
    var qkv: UnsafeMutablePointer<S>
    /// The rows that what follows is of; nil for all.
    var leaving: [Int32]?
    var attended: UnsafeMutablePointer<S>
    var h2: UnsafeMutablePointer<S>
    var norm2: LayerNorm<S>.Saved
    /// R × 4W before and after the activation.
    var hidden: Activated<S>
  }

  private let width: Int
  private let activation: Activation
  private let norm1: LayerNorm<S>
  private let inProjection: Linear<S>
  private let outProjection: Linear<S>
  private let norm2: LayerNorm<S>
  private let fc: Linear<S>
  private let projection: Linear<S>
  private var saved: Saved?

  init(
    _ registry: ParameterRegistry, name: String, width: Int, layers: Int, mlpRatio: Double,
    activation: Activation
  ) {
    self.width = width
    self.activation = activation
    let hiddenWidth = Int(Double(width) * mlpRatio)
    let attentionStd = 1 / Float(width).squareRoot()
    // Radford et al. scale what writes to the residual stream down by the number of writers.
    let residualStd = attentionStd / Float(2 * layers).squareRoot()
    norm1 = LayerNorm(registry, name: "\(name).ln_1", width: width)
    inProjection = Linear(
      registry, weight: "\(name).attn.in_proj_weight", bias: "\(name).attn.in_proj_bias", inputs: width,
      outputs: 3 * width, std: attentionStd)
    outProjection = Linear(
      registry, name: "\(name).attn.out_proj", inputs: width, outputs: width, std: residualStd)
    norm2 = LayerNorm(registry, name: "\(name).ln_2", width: width)
    fc = Linear(
      registry, name: "\(name).mlp.c_fc", inputs: width, outputs: hiddenWidth,
      std: 1 / Float(2 * width).squareRoot())
    projection = Linear(
      registry, name: "\(name).mlp.c_proj", inputs: hiddenWidth, outputs: width, std: residualStd)
  }

  func refresh(training: Bool) {
    inProjection.refresh(training: training)
    outProjection.refresh(training: training)
    fc.refresh(training: training)
    projection.refresh(training: training)
  }

  /// End of the arena prefix that is complete once this block's backward is done.
  var gradientEnd: Int { norm1.gradientEnd }

  /// - Parameter leaving: the rows whose output is wanted; nil for all. Attention makes every row a key and a value, but
  ///   nothing behind it looks at other rows. The result has these rows alone.
  func forward(_ stream: Stream, _ context: PassContext, leaving: [Int32]? = nil) -> Stream {
    let (arena, rows) = (context.arena, context.rows)
    let (h1, normed1, saved1) = norm1.forward(stream.h, residual: stream.r, rows: rows, arena: arena)
    let qkv = inProjection.forward(normed1, rows: rows, arena: arena)
    let attended = arena.allocate(S.self, rows * width)
    attentionForward(qkv, offsets: context.offsets, shape: context.attention, into: attended, arena: arena)
    let left = leaving?.count ?? rows
    let (residual, mixed) = (pick(leaving, of: h1, arena), pick(leaving, of: attended, arena))
    let o = outProjection.forward(mixed, rows: left, arena: arena)
    let (h2, normed2, saved2) = norm2.forward(residual, residual: o, rows: left, arena: arena)
    let hidden = fc.forward(normed2, through: activation, rows: left, arena: arena)
    let r = projection.forward(hidden.output, rows: left, arena: arena)
    saved = Saved(
      h1: h1, norm1: saved1, qkv: qkv, leaving: leaving, attended: mixed, h2: h2, norm2: saved2,
      hidden: hidden)
    return Stream(h: h2, r: r)
  }

  /// x[leaving], or x itself.
  private func pick(_ leaving: [Int32]?, of x: UnsafeMutablePointer<S>, _ arena: Arena)
    -> UnsafeMutablePointer<S>
  {
    guard let leaving else { return x }
    let picked = arena.allocate(S.self, leaving.count * width)
    gatherRows(x, index: leaving, into: picked, columns: width)
    return picked
  }

  /// `dStream`[R, W] enters as the gradient of the block's output, zeros in rows that did not leave, and leaves as that of
  /// its input.
  func backward(_ dStream: UnsafeMutablePointer<S>, _ context: PassContext) {
    guard let saved else { preconditionFailure("backward without forward") }
    context.arena.scratch {
      let dAttended = backwardBehindAttention(dStream, saved, context)
      backwardAttention(dAttended, dStream, saved, context)
    }
    self.saved = nil
  }

  /// From dStream to a new gradient of what attention made, [R, W]; `dStream` becomes that of h₁, but for attention's part.
  private func backwardBehindAttention(
    _ dStream: UnsafeMutablePointer<S>, _ saved: Saved, _ context: PassContext
  ) -> UnsafeMutablePointer<S> {
    let arena = context.arena
    guard let leaving = saved.leaving else {
      return backwardLeaving(dStream, rows: context.rows, saved, arena)
    }
    let dLeaving = pick(leaving, of: dStream, arena)
    let dMixed = backwardLeaving(dLeaving, rows: leaving.count, saved, arena)
    scatterRows(dLeaving, index: leaving, into: dStream, columns: width)
    let dAttended = arena.allocateZeroed(S.self, context.rows * width)
    scatterRows(dMixed, index: leaving, into: dAttended, columns: width)
    return dAttended
  }

  private func backwardLeaving(
    _ dStream: UnsafeMutablePointer<S>, rows: Int, _ saved: Saved, _ arena: Arena
  ) -> UnsafeMutablePointer<S> {
    arena.scratch {
      let dHidden = projection.backward(dStream, through: saved.hidden, rows: rows, arena: arena)
      let dNormed = fc.backward(dHidden, input: saved.norm2.output, rows: rows, arena: arena)
      norm2.backward(dNormed, h: saved.h2, saved.norm2, addingTo: dStream, rows: rows, arena: arena)
    }
    return outProjection.backward(dStream, input: saved.attended, rows: rows, arena: arena)
  }

  private func backwardAttention(
    _ dAttended: UnsafePointer<S>, _ dStream: UnsafeMutablePointer<S>, _ saved: Saved, _ context: PassContext
  ) {
    let (arena, rows) = (context.arena, context.rows)
    arena.scratch {
      let dQKV = arena.allocate(S.self, rows * 3 * width)
      attentionBackward(
        dAttended, qkv: saved.qkv, offsets: context.offsets, shape: context.attention, into: dQKV,
        arena: arena)
      let dNormed = inProjection.backward(dQKV, input: saved.norm1.output, rows: rows, arena: arena)
      norm1.backward(dNormed, h: saved.h1, saved.norm1, addingTo: dStream, rows: rows, arena: arena)
    }
  }
}
