import Kernels

/// How a tower is run.
package enum PassMode: Sendable {
  /// As after training: batch norms use their stored statistics, and nothing is kept for backward.
  case inference
  /// As in training, but nothing is kept for backward and no stored statistics change: the first of two passes.
  case rehearsal
  /// Activations are kept in the arena for one backward.
  case training
}

/// What a pass gets beside its input.
package struct TowerPass {
  package var mode: PassMode
  /// Holds activations, and scratch memory for backward.
  package var arena: Arena
  /// Adds up a batch norm's sums over the ranks; nil where each rank norms by the statistics of its own rows.
  package var sumOverRanks: ((UnsafeMutableBufferPointer<Double>) throws -> Void)?

  package init(
    _ mode: PassMode, _ arena: Arena,
    sumOverRanks: ((UnsafeMutableBufferPointer<Double>) throws -> Void)? = nil
  ) {
    (self.mode, self.arena, self.sumOverRanks) = (mode, arena, sumOverRanks)
  }

  var isTraining: Bool { mode == .training }
}

/// Pictures of one size: [B, 3, H, W], normalised.
package struct ImageBatch {
  package var values: UnsafePointer<Float>
  /// B.
  package var count: Int
  package var height: Int
  package var width: Int
  /// Nil for all patches; only for towers that have patches.
  package var keptPatches: KeptPatches?

  package init(
    _ values: UnsafePointer<Float>, count: Int, height: Int, width: Int, keptPatches: KeptPatches? = nil
  ) {
    (self.values, self.count) = (values, count)
    (self.height, self.width, self.keptPatches) = (height, width, keptPatches)
  }

  /// Square pictures.
  package init(_ values: UnsafePointer<Float>, count: Int, size: Int) {
    self.init(values, count: count, height: size, width: size)
  }

  /// Values of one picture.
  package var imageCount: Int { 3 * height * width }

  /// Pictures `range` of these.
  package func slice(_ range: Range<Int>) -> ImageBatch {
    ImageBatch(
      values + range.lowerBound * imageCount, count: range.count, height: height, width: width,
      keptPatches: keptPatches?.slice(range))
  }
}

/// The patches that a tower looks at: patch dropout (Li et al. 2023, FLIP) and masked autoencoding (He et al. 2022).
package struct KeptPatches: Sendable, Equatable {
  /// [B, K]: numbers of patches in row-major order of the grid, ascending in each picture.
  package var indices: [Int32]
  /// K.
  package var perImage: Int

  package init(indices: [Int32], perImage: Int) {
    precondition(perImage > 0 && indices.count.isMultiple(of: perImage))
    (self.indices, self.perImage) = (indices, perImage)
  }

  /// Those of pictures `range`.
  package func slice(_ range: Range<Int>) -> KeptPatches {
    KeptPatches(
      indices: Array(indices[range.lowerBound * perImage..<range.upperBound * perImage]), perImage: perImage)
  }
}

/// An image tower's map before pooling: a row for each cell of a grid over the picture.
package struct FeatureGrid<Scalar: ComputeScalar> {
  /// [B · height · width, columns]; picture after picture, cells in row-major order. In the pass's arena.
  package var rows: UnsafeMutablePointer<Scalar>
  package var height: Int
  package var width: Int
  package var columns: Int

  package init(rows: UnsafeMutablePointer<Scalar>, height: Int, width: Int, columns: Int) {
    (self.rows, self.height, self.width, self.columns) = (rows, height, width, columns)
  }
}

/// A text tower's rows before pooling, one for each token of the packed captions.
package struct TokenRows<Scalar: ComputeScalar> {
  /// [tokens, columns], in the pass's arena.
  package var rows: UnsafeMutablePointer<Scalar>
  package var count: Int
  package var columns: Int

  package init(rows: UnsafeMutablePointer<Scalar>, count: Int, columns: Int) {
    (self.rows, self.count, self.columns) = (rows, count, columns)
  }
}

/// Pictures into features of the joint space.
///
/// A `.training` pass keeps its activations until its backward; the next pass forgets them. Backward accumulates (+=)
/// into the gradients of what is trained, and stops at the lowest layer that is.
package protocol ImageTower<Scalar>: AnyObject {
  associatedtype Scalar: ComputeScalar
  /// Re-reads the parameters into the compute path's copies; frozen ones the first time only.
  func refresh(training: Bool)
  /// → features[B, D], not normalised.
  func forward(_ images: ImageBatch, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass) throws
  /// From dFeatures[B, D]. `gradientsReady(end)`: the first `end` elements of the gradient arena are complete.
  func backward(_ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void) throws
  /// The last map before pooling, after the norm that pooling sees.
  func forwardGrid(_ images: ImageBatch, _ pass: TowerPass) throws -> FeatureGrid<Scalar>
  /// From dRows, laid out as the grid's rows.
  func backwardGrid(_ dRows: UnsafePointer<Scalar>, gradientsReady: (_ end: Int) throws -> Void) throws
}

/// Captions into features of the joint space; passes as in `ImageTower`.
package protocol TextTower<Scalar>: AnyObject {
  associatedtype Scalar: ComputeScalar
  /// Re-reads the parameters into the compute path's copies; frozen ones the first time only.
  func refresh(training: Bool)
  /// → features[B, D], not normalised.
  func forward(
    _ captions: PackedCaptions, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass) throws
  /// From dFeatures[B, D].
  func backward(_ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void) throws
  /// The embeddings of the vocabulary, [V, columns].
  var tokenTable: Parameter { get }
  /// The last layer's rows, after the norm that pooling sees.
  func forwardTokens(_ captions: PackedCaptions, _ pass: TowerPass) throws -> TokenRows<Scalar>
  /// From dRows[tokens, columns].
  func backwardTokens(_ dRows: UnsafePointer<Scalar>, gradientsReady: (_ end: Int) throws -> Void) throws
}
