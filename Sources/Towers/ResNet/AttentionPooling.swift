import Kernels

/// CLIP's attention pooling (Radford et al. 2021): the mean over a map's rows, as one query, looks at the mean and the
/// rows; learned positions, interpolated for maps of other sizes, are added to all of them. [B, H, W, C] → features[B, D].
final class AttentionPooling<S: ComputeScalar> {
  private struct Saved {
    var layout: PatchLayout
    var shape: AttentionPoolShape
    /// [B · (1 + places), C].
    var tokens: UnsafeMutablePointer<S>
    /// The first rows, [B, C].
    var means: UnsafeMutablePointer<S>
    var q: UnsafeMutablePointer<S>
    var k: UnsafeMutablePointer<S>
    var v: UnsafeMutablePointer<S>
    var probabilities: UnsafeMutablePointer<Float>
    var attended: UnsafeMutablePointer<S>
  }

  private let width: Int
  private let heads: Int
  private let positions: PatchPositions<S>
  private let attentionIsTrained: Bool
  private let queries: Linear<S>
  private let keys: Linear<S>
  private let values: Linear<S>
  private let projection: JointLayer<S>
  private var saved: Saved?

  init(
    _ registry: ParameterRegistry, name: String, _ config: ModifiedResNetConfig, embedDim: Int,
    freezing: Freezing
  ) {
    (width, heads, attentionIsTrained) = (config.gridColumns, config.heads, !freezing.finalNorm)
    let (width, std) = (width, 1 / Float(width).squareRoot())
    func linear(_ part: String) -> Linear<S> {
      Linear(registry, name: "\(name).\(part)", inputs: width, outputs: width, std: std)
    }
    (positions, queries, keys, values) = registry.frozen(if: freezing.finalNorm) {
      let positions = PatchPositions<S>(
        registry, name: "\(name).positional_embedding", side: config.gridSide, width: width, std: std)
      return (positions, linear("q_proj"), linear("k_proj"), linear("v_proj"))
    }
    projection = registry.frozen(if: freezing.projection) {
      JointLayer(registry, name: "\(name).c_proj", width: width, embedDim: embedDim)
    }
  }

  /// The last layer is trained.
  var isTrained: Bool { projection.isTrainable }

  func refresh(training: Bool) {
    for linear in [queries, keys, values] { linear.refresh(training: training) }
    projection.refresh(training: training)
  }

  /// - Parameter layout: the map's cells as patches, with a place for the mean before them.
  func forward(
    _ map: UnsafePointer<S>, _ layout: PatchLayout, into features: UnsafeMutablePointer<Float>,
    _ pass: TowerPass
  ) {
    let (arena, batch, rows) = (pass.arena, layout.pictureCount, layout.rows)
    let shape = AttentionPoolShape(
      batch: batch, tokens: layout.rowsPerImage, width: width, heads: heads)
    let tokens = arena.allocate(S.self, rows * width)
    prependMeanForward(
      map, positions: positions.values(layout, arena), into: tokens, batch: batch, places: layout.perImage,
      columns: width)
    let (means, attended) = (arena.allocate(S.self, batch * width), arena.allocate(S.self, batch * width))
    gatherRows(tokens, index: layout.classRows, into: means, columns: width)
    let q = queries.forward(means, rows: batch, arena: arena)
    let k = keys.forward(tokens, rows: rows, arena: arena)
    let v = values.forward(tokens, rows: rows, arena: arena)
    let probabilities = arena.allocate(Float.self, shape.probabilityCount)
    attentionPoolForward(q: q, k: k, v: v, shape, probabilities: probabilities, into: attended)
    projection.forward(attended, into: features, rows: batch)
    saved = Saved(
      layout: layout, shape: shape, tokens: tokens, means: means, q: q, k: k, v: v,
      probabilities: probabilities, attended: attended)
  }

  /// From dFeatures[B, D]; parameters' gradients accumulate (+=). Returns a new dMap[B, H, W, C], nil where only the last
  /// layer is trained.
  func backward(_ dFeatures: UnsafePointer<Float>, arena: Arena) -> UnsafeMutablePointer<S>? {
    guard let saved else { preconditionFailure("backward without forward") }
    defer { self.saved = nil }
    let (batch, places) = (saved.shape.batch, saved.layout.perImage)
    guard attentionIsTrained else {
      arena.scratch {
        _ = projection.backwardWeight(dFeatures, input: saved.attended, rows: batch, arena: arena)
      }
      return nil
    }
    let dMap = arena.allocate(S.self, batch * places * width)
    arena.scratch {
      let dAttended = projection.backward(dFeatures, input: saved.attended, rows: batch, arena: arena)
      let dTokens = backwardAttention(dAttended, saved, arena)
      positions.backward(saved.layout, arena) {
        prependMeanBackward(
          dTokens, into: dMap, dPositions: $0, batch: batch, places: places, columns: width)
      }
    }
    return dMap
  }

  private func backwardAttention(
    _ dAttended: UnsafePointer<S>, _ saved: Saved, _ arena: Arena
  ) -> UnsafeMutablePointer<S> {
    let (batch, rows) = (saved.shape.batch, saved.shape.batch * saved.shape.tokens)
    let dq = arena.allocate(S.self, batch * width)
    let (dk, dv) = (arena.allocate(S.self, rows * width), arena.allocate(S.self, rows * width))
    attentionPoolBackward(
      dAttended, q: saved.q, k: saved.k, v: saved.v, probabilities: saved.probabilities, saved.shape, dQ: dq,
      dK: dk, dV: dv, arena: arena)
    let dTokens = keys.backward(dk, input: saved.tokens, rows: rows, arena: arena)
    let dFromValues = values.backward(dv, input: saved.tokens, rows: rows, arena: arena)
    addInPlace(dFromValues, to: dTokens, count: rows * width)
    let dMeans = queries.backward(dq, input: saved.means, rows: batch, arena: arena)
    for (picture, row) in saved.layout.classRows.enumerated() {
      addInPlace(dMeans + picture * width, to: dTokens + Int(row) * width, count: width)
    }
    return dTokens
  }
}
