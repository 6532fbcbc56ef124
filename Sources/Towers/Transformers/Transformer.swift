import Kernels

/// A stack of residual attention blocks, `NAME.resblocks.0 …`.
final class Transformer<S: ComputeScalar> {
  private let blocks: [TransformerBlock<S>]
  private let width: Int
  /// Blocks below it keep their weights.
  private let firstTrained: Int

  init(
    _ registry: ParameterRegistry, name: String, width: Int, layers: Int, mlpRatio: Double,
    activation: Activation, freezing: Freezing = .none
  ) {
    self.width = width
    blocks = (0..<layers).map { index in
      registry.frozen(if: freezing.block(index)) {
        TransformerBlock(
          registry, name: "\(name).resblocks.\(index)", width: width, layers: layers, mlpRatio: mlpRatio,
          activation: activation)
      }
    }
    firstTrained = (0..<layers).first { !freezing.block($0) } ?? layers
  }

  func refresh(training: Bool) { for block in blocks { block.refresh(training: training) } }

  /// x[R, W] → the residual stream after the last block. With `training`, every block that is trained keeps its
  /// activations in the arena; the memory of others is reused by the next.
  func forward(_ x: UnsafeMutablePointer<S>, _ context: PassContext, training: Bool)
    -> TransformerBlock<S>.Stream
  {
    let start = TransformerBlock<S>.Stream(h: x, r: nil)
    let keptFrom = training ? firstTrained : blocks.count
    var stream = passThrough(blocks[..<keptFrom], start, context)
    for block in blocks[keptFrom...] { stream = block.forward(stream, context) }
    return stream
  }

  /// Keeps nothing but the stream.
  private func passThrough(
    _ blocks: ArraySlice<TransformerBlock<S>>, _ start: TransformerBlock<S>.Stream, _ context: PassContext
  ) -> TransformerBlock<S>.Stream {
    guard !blocks.isEmpty else { return start }
    let count = context.rows * width
    let (h, r) = (context.arena.allocate(S.self, count), context.arena.allocate(S.self, count))
    var stream = start
    for block in blocks {
      context.arena.scratch {
        let result = block.forward(stream, context)
        h.update(from: result.h, count: count)
        r.update(from: result.r!, count: count)
      }
      stream = .init(h: h, r: r)
    }
    return stream
  }

  /// `dStream`[R, W]: the output's gradient on entry, that of the lowest trained block's input on return. Reports after
  /// each block how far the arena's gradients are complete.
  func backward(
    _ dStream: UnsafeMutablePointer<S>, _ context: PassContext, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    for block in blocks[firstTrained...].reversed() {
      block.backward(dStream, context)
      try gradientsReady(block.gradientEnd)
    }
  }
}
