import Kernels

/// A stack of residual attention blocks, `NAME.resblocks.0 …`.
final class Transformer<S: ComputeScalar> {
  private let blocks: [TransformerBlock<S>]
  private let width: Int

  init(
    _ registry: ParameterRegistry, name: String, width: Int, layers: Int, mlpRatio: Double,
    activation: Activation
  ) {
    self.width = width
    blocks = (0..<layers).map {
      TransformerBlock(
        registry, name: "\(name).resblocks.\($0)", width: width, layers: layers, mlpRatio: mlpRatio,
        activation: activation)
    }
  }

  func refresh(training: Bool) { for block in blocks { block.refresh(training: training) } }

  /// x[R, W] → the residual stream after the last block. With `training`, every block keeps its activations in the
  /// arena; without, a block's memory is reused by the next.
  func forward(_ x: UnsafeMutablePointer<S>, _ context: PassContext, training: Bool)
    -> TransformerBlock<S>.Stream
  {
    let start = TransformerBlock<S>.Stream(h: x, r: nil)
    guard !training else { return blocks.reduce(start) { $1.forward($0, context) } }
    let count = context.rows * width
    let (h, r) = (context.arena.allocate(S.self, count), context.arena.allocate(S.self, count))
    return blocks.reduce(start) { stream, block in
      context.arena.scratch {
        let result = block.forward(stream, context)
        h.update(from: result.h, count: count)
        r.update(from: result.r!, count: count)
      }
      return .init(h: h, r: r)
    }
  }

  /// `dStream`[R, W]: the output's gradient on entry, the input's on return. Reports after each block how far the
  /// arena's gradients are complete.
  func backward(
    _ dStream: UnsafeMutablePointer<S>, _ context: PassContext, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    for block in blocks.reversed() {
      block.backward(dStream, context)
      try gradientsReady(block.gradientEnd)
    }
  }
}
