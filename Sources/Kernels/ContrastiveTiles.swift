import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// The passes of the global contrastive loss over one side's rows b and the other side's rows of all ranks B, in blocks
/// of similarities that never leave the cache. `S` is the storage of unit vectors and of the probabilities; sums are
/// in 32 bits or more, and the same bits for any number of threads.
///
/// With E = exp(z − shift), z = scale · similarity, the sums over rows and over columns are of the same E, so that one
/// pass serves both directions. `shift` has to keep all of them in range: see `canRepresent`.
package struct ContrastiveTiles<S: ComputeScalar> {
  private let table: KelipContrastiveTable
  private let embedDim: Int
  private let rows: Int
  private let columns: Int
  private let scale: Float
  private let shift: Float
  private let workers: Int
  private let byDim: UnsafeMutablePointer<S>
  private let byRow: UnsafeMutablePointer<S>
  private let scratch: UnsafeMutablePointer<UInt8>

  /// Whether this machine has what the path of `S` needs: for bfloat16 the matrix unit.
  package static var isUsable: Bool { S.precision == .fp32 || kelip_matrix_unit() != 0 }

  /// - Parameters:
  ///   - rows, columns: b and B.
  ///   - scale: factor on cosine similarities.
  ///   - workers: threads that share the passes.
  ///   - arena: holds the packed columns and a desk for each thread; give it back when the passes are done.
  package init(rows: Int, columns: Int, embedDim: Int, scale: Float, workers: Int, arena: Arena) {
    precondition(Self.isUsable)
    table = S.precision == .fp32 ? kelip_contrastive_f32 : kelip_contrastive_bf16
    (self.rows, self.columns) = (rows, columns)
    (self.embedDim, self.scale) = (embedDim, scale)
    self.workers = workers
    shift = Self.shift(scale: scale, columns: columns)
    let words = Int(table.packed_words(Int64(columns), Int64(embedDim)))
    (byDim, byRow) = (arena.allocate(S.self, words), arena.allocate(S.self, words))
    var side = KelipContrastive()
    (side.rows, side.columns, side.dim) = (Int64(rows), Int64(columns), Int64(embedDim))
    side.workers = Int64(workers)
    scratch = arena.allocate(UInt8.self, Int(table.scratch_bytes(&side)))
  }

  /// unit[b, D] = x / ‖x‖ a row, norms[b] saved.
  package func normalise(
    _ x: UnsafePointer<Float>, into unit: UnsafeMutablePointer<S>, norms: UnsafeMutablePointer<Float>
  ) {
    table.normalise(x, unit, norms, Int64(rows), Int64(embedDim))
  }

  /// dots[r] = x[r] · y[r] of unit vectors [b, D].
  package func rowDots(
    _ x: UnsafePointer<S>, _ y: UnsafePointer<S>, into dots: UnsafeMutablePointer<Double>
  ) {
    table.row_dots(x, y, dots, Int64(rows), Int64(embedDim))
  }

  /// rowSums[b] and columnSums[B] = Σ E over the other index; columnSums are this rank's part.
  package func sums(
    _ own: UnsafePointer<S>, over other: UnsafePointer<S>, rowSums: UnsafeMutablePointer<Double>,
    columnSums: UnsafeMutablePointer<Double>
  ) {
    var side = side(own, over: other)
    (side.row_sums, side.column_sums) = (rowSums, columnSums)
    table.pack(&side)
    table.sums(&side)
  }

  /// The rows that the gradient is taken for.
  package struct Rows {
    package var unit: UnsafePointer<S>
    /// As they came, [b, D], and their lengths, [b].
    package var features: UnsafePointer<Float>
    package var norms: UnsafePointer<Float>
    /// The column that row 0 is paired with.
    package var match: Int

    package init(
      unit: UnsafePointer<S>, features: UnsafePointer<Float>, norms: UnsafePointer<Float>, match: Int
    ) {
      (self.unit, self.features, self.norms) = (unit, features, norms)
      self.match = match
    }
  }

  /// dFeatures[b, D] of L = ½ (CE over rows + CE over columns), the mean over the B pairs, written; and for each row
  /// Σ unit · dUnit, whose sum over all rows is dL/d(log scale).
  ///
  /// With P the sum of both softmaxes, dUnit = scale / 2B · (P − 2 I) · other.
  /// - Parameters:
  ///   - rowFactors, columnFactors: [b] and [B], 1 / sum.
  package func gradient(
    _ rows: Rows, over other: UnsafePointer<S>, rowFactors: UnsafePointer<Float>,
    columnFactors: UnsafePointer<Float>, into dFeatures: UnsafeMutablePointer<Float>,
    scaleGradients: UnsafeMutablePointer<Double>
  ) {
    var side = side(rows.unit, over: other)
    (side.row_factors, side.column_factors) = (rowFactors, columnFactors)
    (side.features, side.norms, side.match) = (rows.features, rows.norms, Int64(rows.match))
    (side.dfeatures, side.scale_gradients) = (dFeatures, scaleGradients)
    table.pack(&side)
    table.gradient(&side)
  }

  private func side(_ own: UnsafePointer<S>, over other: UnsafePointer<S>) -> KelipContrastive {
    var side = KelipContrastive()
    (side.rows, side.columns, side.dim) = (Int64(rows), Int64(columns), Int64(embedDim))
    (side.own, side.other) = (UnsafeRawPointer(own), UnsafeRawPointer(other))
    (side.by_dim, side.by_row) = (UnsafeMutableRawPointer(byDim), UnsafeMutableRawPointer(byRow))
    (side.scale, side.shift, side.scratch) = (scale, shift, UnsafeMutableRawPointer(scratch))
    side.workers = Int64(workers)
    return side
  }
}

/// The range of E = exp(z − shift) in 32 bits: z lies in [−scale, scale], whose ends may be 200 apart.
extension ContrastiveTiles {
  /// Keeps the greatest possible sum of B terms below e⁸⁰.
  static func shift(scale: Float, columns: Int) -> Float {
    max(0, scale + logf(Float(max(1, columns))) - 80)
  }

  /// log Σ exp(z) of a sum of E.
  package func logSumExp(_ sum: Double) -> Double { log(sum) + Double(shift) }

  /// Whether no sum is so small that terms below e⁻⁸⁷, which are 0 in 32 bits, would be missed in it by more than 10⁻⁶;
  /// also for sums that are not numbers.
  package func canRepresent(_ sums: UnsafeBufferPointer<Double>) -> Bool {
    let least = Double(columns) * exp(-72)
    return !sums.contains { $0 < least }
  }
}
