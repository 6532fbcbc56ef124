import Kernels

/// A transformer's last norm, of those rows of the residual stream that leave the tower: the class token, the last
/// token, or all of them.
final class OutputNorm<S: ComputeScalar> {
  /// What forward leaves for backward.
  struct Saved {
    /// Which rows of the stream.
    var index: [Int32]
    var h: UnsafeMutablePointer<S>
    var norm: LayerNorm<S>.Saved

    /// The normed rows, [rows, W].
    var output: UnsafeMutablePointer<S> { norm.output }
    var rows: Int { index.count }
  }

  private let norm: LayerNorm<S>
  private let width: Int

  init(_ registry: ParameterRegistry, name: String, width: Int) {
    self.width = width
    norm = LayerNorm(registry, name: name, width: width)
  }

  /// LN of a stream that has the rows `index` alone.
  func forward(_ stream: TransformerBlock<S>.Stream, rows index: [Int32], arena: Arena) -> Saved {
    let (h, _, saved) = norm.forward(stream.h, residual: stream.r, rows: index.count, arena: arena)
    return Saved(index: index, h: h, norm: saved)
  }

  /// From dY[rows, W] to the stream's rows: those that left the tower are written, others of `dStream` stay. Gain's and
  /// bias's gradients accumulate (+=).
  func backward(
    _ dy: UnsafePointer<S>, _ saved: Saved, into dStream: UnsafeMutablePointer<S>, arena: Arena
  ) {
    arena.scratch {
      let dx = arena.allocateZeroed(S.self, saved.rows * width)
      norm.backward(dy, h: saved.h, saved.norm, addingTo: dx, rows: saved.rows, arena: arena)
      scatterRows(dx, index: saved.index, into: dStream, columns: width)
    }
  }
}
