import Basics
import CKernels

/// y[R, C]: row r is x[source[r]], or the learned `token`[C] where source[r] is negative, plus positions[position[r]].
///
/// A vision transformer's input with its class token, and a masked autoencoder's full sequence with its mask
/// embedding. Positions are 32-bit whatever `S` is.
package func assembleTokensForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, token: UnsafePointer<Float>, positions: UnsafePointer<Float>, source: [Int32],
  position: [Int32], into y: UnsafeMutablePointer<S>, columns: Int
) {
  let span = Phase.embedding.begin()
  defer { span.end() }
  precondition(source.count == position.count)
  let kernels = kernelTable(S.self)
  source.withUnsafeBufferPointer { source in
    position.withUnsafeBufferPointer { position in
      WorkerPool.shareRows(source.count, columns: columns) { part in
        kernels.assemble_tokens(
          x, token, positions, source.baseAddress! + part.lowerBound,
          position.baseAddress! + part.lowerBound, y + part.lowerBound * columns, Int64(part.count),
          Int64(columns))
      }
    }
  }
}

/// dX[source[r]] = dY[r], so every row of x must be some row's source; dToken += dY[r] where there is none;
/// dPositions[position[r]] += dY[r].
package func assembleTokensBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, source: [Int32], position: [Int32], into dx: UnsafeMutablePointer<S>,
  dToken: UnsafeMutablePointer<Float>, dPositions: UnsafeMutablePointer<Float>, columns: Int
) {
  let span = Phase.embedding.begin()
  defer { span.end() }
  precondition(source.count == position.count)
  kernelTable(S.self).assemble_tokens_backward(
    dy, source, position, dx, dToken, dPositions, Int64(source.count), Int64(columns))
}

/// patches[R, 3·p·p] = chosen patches of images[B, 3, H, W], each in (channel, y, x) order: the convolution of a vision
/// transformer's stem is then a matrix product with its weight [W, 3, p, p] as it is stored.
///
/// - Parameter index: of a patch: its picture · P + its cell, P = ⌊H/p⌋ · ⌊W/p⌋.
package func gatherPatches<S: ComputeScalar>(
  _ images: UnsafePointer<Float>, index: [Int32], into patches: UnsafeMutablePointer<S>, height: Int,
  width: Int, patchSize: Int
) {
  let span = Phase.embedding.begin()
  defer { span.end() }
  let (kernels, columns) = (kernelTable(S.self), 3 * patchSize * patchSize)
  index.withUnsafeBufferPointer { index in
    WorkerPool.shareRows(index.count, columns: columns) { part in
      kernels.gather_patches(
        images, index.baseAddress! + part.lowerBound, patches + part.lowerBound * columns, Int64(part.count),
        Int64(height), Int64(width), Int64(patchSize))
    }
  }
}
