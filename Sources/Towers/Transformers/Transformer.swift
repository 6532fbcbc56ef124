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

  /// x[R, W] → the residual stream after the last block, of the rows `leaving` alone. With `training`, every block that
  /// is trained keeps its activations in the arena; the memory of others is reused by the next.
  ///
  /// - Parameter leaving: rows in their order, or all of them.
  func forward(
    _ x: UnsafeMutablePointer<S>, _ context: PassContext, leaving: [Int32], training: Bool
  ) -> TransformerBlock<S>.Stream {
    let start = TransformerBlock<S>.Stream(h: x, r: nil)
    let keptFrom = training ? firstTrained : blocks.count
    var stream = passThrough(keptFrom, start, context, leaving)
    for index in keptFrom..<blocks.count {
      stream = blocks[index].forward(stream, context, leaving: picked(leaving, after: index, context))
    }
    return stream
  }

  /// Nil where all rows go on.
  private func picked(_ leaving: [Int32], after index: Int, _ context: PassContext) -> [Int32]? {
    index == blocks.count - 1 && leaving.count < context.rows ? leaving : nil
  }

  /// The first `blockCount` blocks; keeps nothing but the stream.
  private func passThrough(
    _ blockCount: Int, _ start: TransformerBlock<S>.Stream, _ context: PassContext, _ leaving: [Int32]
  ) -> TransformerBlock<S>.Stream {
    guard blockCount > 0 else { return start }
    let all = context.rows * width
    let (h, r) = (context.arena.allocate(S.self, all), context.arena.allocate(S.self, all))
    var stream = start
    for index in 0..<blockCount {
      let picked = picked(leaving, after: index, context)
      let count = (picked?.count ?? context.rows) * width
      context.arena.scratch {
        let result = blocks[index].forward(stream, context, leaving: picked)
        h.update(from: result.h, count: count)
        r.update(from: result.r!, count: count)
      }
      stream = .init(h: h, r: r)
    }
    return stream
  }

  /// `dStream`[R, W]: the output's gradient on entry, zeros in rows that did not leave, and that of the lowest trained block's input on return. Reports after
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
