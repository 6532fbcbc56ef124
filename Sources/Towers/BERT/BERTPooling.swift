import Kernels

/// From the last layer's rows to one row a caption, as `BERTConfig.Pooling` says.
final class BERTPooling<S: ComputeScalar> {
  /// What forward leaves for backward.
  struct Saved {
    /// The first token's rows; nil for means.
    var first: UnsafeMutablePointer<S>?
    /// [B, W].
    var output: UnsafeMutablePointer<S>
  }

  private let width: Int
  private let isMean: Bool
  private let dense: Linear<S>?

  init(_ registry: ParameterRegistry, name: String, _ config: BERTConfig) {
    width = config.width
    isMean = config.pooling == .mean
    dense =
      config.pooling == .pooler
      ? Linear(registry, name: "\(name).dense", inputs: width, outputs: width, std: bertStd) : nil
  }

  func refresh(training: Bool) { dense?.refresh(training: training) }

  /// rows[R, W] → output[B, W].
  func forward(_ rows: UnsafePointer<S>, _ context: PassContext) -> Saved {
    let (arena, batch) = (context.arena, context.offsets.count - 1)
    guard !isMean else {
      let means = arena.allocate(S.self, batch * width)
      sequenceMeansForward(rows, offsets: context.offsets, into: means, columns: width, arena: arena)
      return Saved(first: nil, output: means)
    }
    let first = arena.allocate(S.self, batch * width)
    gatherRows(rows, index: context.offsets, count: batch, into: first, columns: width)
    guard let dense else { return Saved(first: first, output: first) }
    let pooled = dense.forward(first, rows: batch, arena: arena)
    tanhForward(pooled, into: pooled, count: batch * width)
    return Saved(first: first, output: pooled)
  }

  /// From dOutput[B, W], which is used up, to the gradient of the rows.
  ///
  /// - Parameter dRows: zeros, [R, W]; nil where no layer is trained.
  func backward(
    _ dOutput: UnsafeMutablePointer<S>, _ saved: Saved, into dRows: UnsafeMutablePointer<S>?,
    _ context: PassContext
  ) {
    let (arena, batch) = (context.arena, context.offsets.count - 1)
    arena.scratch {
      var dFirst = dOutput
      if let dense {
        tanhBackward(dOutput, y: saved.output, into: dOutput, count: batch * width)
        dFirst = dense.backward(dOutput, input: saved.first!, rows: batch, arena: arena)
      }
      guard let dRows else { return }
      if isMean {
        sequenceMeansBackward(dOutput, offsets: context.offsets, into: dRows, columns: width, arena: arena)
      } else {
        scatterRows(dFirst, index: context.offsets, count: batch, into: dRows, columns: width)
      }
    }
  }
}
