import CKernels

/// y[R, C] = table[ids[r]] + positions[position[r]]; a negative id (row padding) gives a zero row.
package func embedTokensForward<S: ComputeScalar>(
  table: UnsafePointer<Float>, positions: UnsafePointer<Float>, ids: UnsafePointer<Int32>,
  position: UnsafePointer<Int32>, into y: UnsafeMutablePointer<S>, rows: Int, columns: Int
) {
  kernelTable(S.self).embed_tokens(table, positions, ids, position, y, Int64(rows), Int64(columns))
}

/// dTable[ids[r]] += dY[r]; dPositions[position[r]] += dY[r].
package func embedTokensBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, ids: UnsafePointer<Int32>, position: UnsafePointer<Int32>,
  dTable: UnsafeMutablePointer<Float>, dPositions: UnsafeMutablePointer<Float>, rows: Int, columns: Int
) {
  kernelTable(S.self).embed_tokens_backward(
    dy, ids, position, dTable, dPositions, Int64(rows), Int64(columns))
}

/// images[B, 3, S, S] → patches[B·(S/p)², 3·p·p], rows in (channel, y, x) order: the convolution of a vision
/// transformer's stem as a matrix product with its weight [W, 3, p, p] as it is stored.
package func patchify<S: ComputeScalar>(
  _ images: UnsafePointer<Float>, into patches: UnsafeMutablePointer<S>, batch: Int, imageSize: Int,
  patchSize: Int
) {
  kernelTable(S.self).patchify(images, patches, Int64(batch), Int64(imageSize), Int64(patchSize))
}

/// y[B, 1 + P, C] = (class | patches[B, P, C]) + positions[1 + P, C].
package func assemblePatchesForward<S: ComputeScalar>(
  _ patches: UnsafePointer<S>, classEmbedding: UnsafePointer<Float>, positions: UnsafePointer<Float>,
  into y: UnsafeMutablePointer<S>, batch: Int, patchCount: Int, columns: Int
) {
  kernelTable(S.self).assemble_patches(
    patches, classEmbedding, positions, y, Int64(batch), Int64(patchCount), Int64(columns))
}

/// dPatches = the patch rows of dY; dClass += , dPositions += .
package func assemblePatchesBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, into dPatches: UnsafeMutablePointer<S>, dClass: UnsafeMutablePointer<Float>,
  dPositions: UnsafeMutablePointer<Float>, batch: Int, patchCount: Int, columns: Int
) {
  kernelTable(S.self).assemble_patches_backward(
    dy, dPatches, dClass, dPositions, Int64(batch), Int64(patchCount), Int64(columns))
}
