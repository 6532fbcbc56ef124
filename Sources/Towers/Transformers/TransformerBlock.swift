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

  func forward(_ stream: Stream, _ context: PassContext) -> Stream {
    let (arena, rows) = (context.arena, context.rows)
    let (h1, normed1, saved1) = norm1.forward(stream.h, residual: stream.r, rows: rows, arena: arena)
    let qkv = inProjection.forward(normed1, rows: rows, arena: arena)
    let attended = arena.allocate(S.self, rows * width)
    attentionForward(qkv, offsets: context.offsets, shape: context.attention, into: attended, arena: arena)
    let o = outProjection.forward(attended, rows: rows, arena: arena)
    let (h2, normed2, saved2) = norm2.forward(h1, residual: o, rows: rows, arena: arena)
    let hidden = fc.forward(normed2, through: activation, rows: rows, arena: arena)
    let r = projection.forward(hidden.output, rows: rows, arena: arena)
    saved = Saved(
      h1: h1, norm1: saved1, qkv: qkv, attended: attended, h2: h2, norm2: saved2, hidden: hidden)
    return Stream(h: h2, r: r)
  }

  /// `dStream`[R, W] enters as the gradient of the block's output and leaves as that of its input.
  func backward(_ dStream: UnsafeMutablePointer<S>, _ context: PassContext) {
    guard let saved else { preconditionFailure("backward without forward") }
    backwardMLP(dStream, saved, context)
    backwardAttention(dStream, saved, context)
    self.saved = nil
  }

  private func backwardMLP(_ dStream: UnsafeMutablePointer<S>, _ saved: Saved, _ context: PassContext) {
    let (arena, rows) = (context.arena, context.rows)
    arena.scratch {
      let dHidden = projection.backward(dStream, through: saved.hidden, rows: rows, arena: arena)
      let dNormed = fc.backward(dHidden, input: saved.norm2.output, rows: rows, arena: arena)
      norm2.backward(dNormed, h: saved.h2, saved.norm2, addingTo: dStream, rows: rows, arena: arena)
    }
  }

  private func backwardAttention(_ dStream: UnsafeMutablePointer<S>, _ saved: Saved, _ context: PassContext) {
    let (arena, rows) = (context.arena, context.rows)
    arena.scratch {
      let dAttended = outProjection.backward(dStream, input: saved.attended, rows: rows, arena: arena)
      let dQKV = arena.allocate(S.self, rows * 3 * width)
      attentionBackward(
        dAttended, qkv: saved.qkv, offsets: context.offsets, shape: context.attention, into: dQKV,
        arena: arena)
      let dNormed = inProjection.backward(dQKV, input: saved.norm1.output, rows: rows, arena: arena)
      norm1.backward(dNormed, h: saved.h1, saved.norm1, addingTo: dStream, rows: rows, arena: arena)
    }
  }
}
