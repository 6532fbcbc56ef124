import Kernels

/// A pooling layer; has no parameters.
final class MapPooling<S: ComputeScalar> {
  private struct Saved {
    var size: MapSize
    var workspace: UnsafeMutableRawPointer?
  }

  private let shape: PoolingShape
  private var saved: Saved?

  init(_ shape: PoolingShape) { self.shape = shape }

  func output(_ size: MapSize) -> MapSize { shape.output(size) }

  /// x[B, H, W, C] → a new y[B, H', W', C].
  func forward(_ x: UnsafePointer<S>, _ size: MapSize, arena: Arena, keeping: Bool) -> UnsafeMutablePointer<S>
  {
    let y = arena.allocate(S.self, output(size).rows * shape.channels)
    let bytes = keeping ? shape.workspaceBytes(size) : 0
    let workspace = bytes == 0 ? nil : UnsafeMutableRawPointer(arena.allocate(UInt8.self, bytes))
    poolingForward(x, shape, size, into: y, workspace: workspace)
    saved = keeping ? Saved(size: size, workspace: workspace) : nil
    return y
  }

  /// dY[B, H', W', C] → a new dX[B, H, W, C].
  func backward(_ dy: UnsafePointer<S>, arena: Arena) -> UnsafeMutablePointer<S> {
    guard let saved else { preconditionFailure("backward without forward") }
    let dx = arena.allocate(S.self, saved.size.rows * shape.channels)
    backward(dy, into: dx)
    return dx
  }

  /// The same into given memory.
  func backward(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>) {
    guard let saved else { preconditionFailure("backward without forward") }
    poolingBackward(dy, shape, saved.size, into: dx, workspace: saved.workspace)
    self.saved = nil
  }
}
