import Basics
internal import COneDNNShims

/// Pooling over windows of a channels-last map, through oneDNN.
package struct PoolingShape: Sendable {
  package enum Kind: Sendable { case average, maximum }

  package var kind: Kind
  package var channels: Int
  /// The window; a border of `padding` places belongs to no mean and no maximum.
  package var kernel: (height: Int, width: Int)
  package var stride: Int
  package var padding: Int

  /// Square windows.
  package init(_ kind: Kind, channels: Int, kernel: Int, stride: Int, padding: Int = 0) {
    precondition(kernel > 0 && stride > 0 && 2 * padding <= kernel)
    (self.kind, self.channels, self.kernel) = (kind, channels, (kernel, kernel))
    (self.stride, self.padding) = (stride, padding)
  }

  /// One mean over each whole map.
  package static func globalAverage(channels: Int, _ size: MapSize) -> PoolingShape {
    var shape = PoolingShape(.average, channels: channels, kernel: 1, stride: 1)
    shape.kernel = (size.height, size.width)
    return shape
  }

  /// The output's size, by side (H + 2·padding − kernel) / stride + 1 rounded down.
  package func output(_ size: MapSize) -> MapSize {
    size.windowed(side: kernel, stride: stride, padding: padding)
  }

  /// Bytes that `poolingForward` leaves for backward: where each maximum was found.
  package func workspaceBytes<S: ComputeScalar>(_: S.Type, _ size: MapSize) -> Int {
    kind == .average || size.batch == 0 ? 0 : OneDNN.poolingWorkspaceBytes(sizes(S.self, size))
  }

  fileprivate func sizes<S: ComputeScalar>(_: S.Type, _ size: MapSize) -> KelipPoolingShape {
    KelipPoolingShape(
      batch: Int64(size.batch), height: Int64(size.height), width: Int64(size.width),
      channels: Int64(channels),
      kernel_height: Int64(kernel.height), kernel_width: Int64(kernel.width), stride: Int64(stride),
      padding: Int64(padding), is_average: kind == .average ? 1 : 0, is_bf16: S.precision == .bf16 ? 1 : 0)
  }
}

/// x[B, H, W, C] → y[B, H', W', C].
///
/// - Parameter workspace: `workspaceBytes`, kept for backward; nil where none follows or the kind is an average.
package func poolingForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, _ shape: PoolingShape, _ size: MapSize, into y: UnsafeMutablePointer<S>,
  workspace: UnsafeMutableRawPointer? = nil
) {
  let span = Phase.pooling.begin()
  defer { span.end() }
  guard size.batch > 0 else { return }
  OneDNN.poolingForward(
    shape.sizes(S.self, size), x, into: y, workspace: shape.kind == .average ? nil : workspace)
}

/// dY[B, H', W', C] → dX[B, H, W, C]; `size` is the input's. Saved from forward: `workspace` of a maximum.
package func poolingBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, _ shape: PoolingShape, _ size: MapSize, into dx: UnsafeMutablePointer<S>,
  workspace: UnsafeRawPointer? = nil
) {
  let span = Phase.pooling.begin()
  defer { span.end() }
  guard size.batch > 0 else { return }
  precondition(shape.kind == .average || workspace != nil, "a maximum's backward needs forward's workspace")
  OneDNN.poolingBackward(shape.sizes(S.self, size), dy, into: dx, workspace: workspace)
}

extension OneDNN {
  fileprivate static func poolingWorkspaceBytes(_ shape: KelipPoolingShape) -> Int {
    let bytes = withUnsafePointer(to: shape) { kelip_dnn_pooling_workspace_bytes($0) }
    check(bytes < 0 ? 1 : 0, "pooling workspace of \(shape)")
    return Int(bytes)
  }

  fileprivate static func poolingForward(
    _ shape: KelipPoolingShape, _ x: UnsafeRawPointer, into y: UnsafeMutableRawPointer,
    workspace: UnsafeMutableRawPointer?
  ) {
    check(
      withUnsafePointer(to: shape) { kelip_dnn_pooling_forward($0, x, y, workspace) }, "pooling of \(shape)")
  }

  fileprivate static func poolingBackward(
    _ shape: KelipPoolingShape, _ dy: UnsafeRawPointer, into dx: UnsafeMutableRawPointer,
    workspace: UnsafeRawPointer?
  ) {
    check(
      withUnsafePointer(to: shape) { kelip_dnn_pooling_backward($0, dy, workspace, dx) },
      "pooling's backward of \(shape)")
  }
}
