import Kernels

/// The rows of a masked autoencoder's decoder: for each picture its class token, if it takes part, and all P patches in
/// order, of which the tower saw K and M = P − K are masked.
struct MaskedLayout {
  /// B.
  let pictureCount: Int
  /// P.
  let patchCount: Int
  let kept: KeptPatches
  let hasClassToken: Bool
  /// [B·M]: picture · P + cell of each masked patch, ascending.
  let maskedPatches: [Int32]

  init(kept: KeptPatches, patchCount: Int, hasClassToken: Bool) {
    precondition(kept.perImage < patchCount, "nothing is masked")
    (self.kept, self.patchCount, self.hasClassToken) = (kept, patchCount, hasClassToken)
    pictureCount = kept.indices.count / kept.perImage
    let perImage = patchCount - kept.perImage
    let cells = PatchSampling.complement(of: kept.indices, keep: kept.perImage, patchCount: patchCount)
    maskedPatches = cells.enumerated().map { row, cell in Int32(row / perImage * patchCount) + cell }
  }

  /// Rows before a picture's patches.
  private var prefix: Int { hasClassToken ? 1 : 0 }
  private var rowsPerImage: Int { prefix + patchCount }
  /// Rows of all sequences.
  var rows: Int { pictureCount * rowsPerImage }
  /// Rows that the tower gives.
  var visibleRows: Int { pictureCount * (prefix + kept.perImage) }
  /// Picture b is rows offsets[b] ..< offsets[b + 1].
  var offsets: [Int32] { (0...pictureCount).map { Int32($0 * rowsPerImage) } }
  /// Of each row: its place in a picture's sequence.
  var position: [Int32] { (0..<rows).map { Int32($0 % rowsPerImage) } }

  /// Of each row: its place among the tower's rows, or −1 for the mask embedding.
  var source: [Int32] {
    var source = [Int32](repeating: -1, count: rows)
    for picture in 0..<pictureCount {
      let visible = picture * (prefix + kept.perImage)
      if hasClassToken { source[picture * rowsPerImage] = Int32(visible) }
      for place in 0..<kept.perImage {
        let cell = Int(kept.indices[picture * kept.perImage + place])
        source[picture * rowsPerImage + prefix + cell] = Int32(visible + prefix + place)
      }
    }
    return source
  }

  /// The masked patches' rows.
  var maskedRows: [Int32] {
    maskedPatches.map { patch in
      let (picture, cell) = Int(patch).quotientAndRemainder(dividingBy: patchCount)
      return Int32(picture * rowsPerImage + prefix + cell)
    }
  }
}
