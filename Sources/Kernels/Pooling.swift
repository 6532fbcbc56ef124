import Basics
import CKernels

/// Pooling over windows of a channels-last map.
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
    precondition(kind == .average || kernel <= 16, "a place in a window must fit in a byte")
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

  /// Bytes that `poolingForward` leaves for backward: the place of each maximum in its window.
  package func workspaceBytes(_ size: MapSize) -> Int {
    kind == .average ? 0 : output(size).rows * channels
  }

  /// Elements that a row of y is made of.
  fileprivate func read(_ size: MapSize) -> Int {
    output(size).width * channels * kernel.height * kernel.width
  }

  fileprivate func sizes(_ size: MapSize) -> KelipPooling {
    let after = output(size)
    return KelipPooling(
      height: Int64(size.height), width: Int64(size.width), channels: Int64(channels),
      kernel_height: Int64(kernel.height), kernel_width: Int64(kernel.width), stride: Int64(stride),
      padding: Int64(padding), out_height: Int64(after.height), out_width: Int64(after.width))
  }
}

/// x[B, H, W, C] → y[B, H', W', C]. As in torch a NaN is the maximum of its windows.
///
/// - Parameter workspace: `workspaceBytes`, kept for backward; nil where none follows or the kind is an average.
package func poolingForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, _ shape: PoolingShape, _ size: MapSize, into y: UnsafeMutablePointer<S>,
  workspace: UnsafeMutableRawPointer? = nil
) {
  let span = Phase.pooling.begin()
  defer { span.end() }
  let (table, after) = (poolingTable(S.self), shape.output(size))
  let places = workspace?.assumingMemoryBound(to: UInt8.self)
  WorkerPool.shareRows(after.batch * after.height, columns: shape.read(size)) { rows in
    var sizes = shape.sizes(size)
    let (first, end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
    switch shape.kind {
    case .maximum: table.maxima(&sizes, x, y, places, first, end)
    case .average: table.means(&sizes, x, y, first, end)
    }
  }
}

/// dY[B, H', W', C] → dX[B, H, W, C], rounded once; `size` is the input's. Saved from forward: `workspace` of a maximum.
package func poolingBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, _ shape: PoolingShape, _ size: MapSize, into dx: UnsafeMutablePointer<S>,
  workspace: UnsafeRawPointer? = nil
) {
  let span = Phase.pooling.begin()
  defer { span.end() }
  guard size.batch > 0 else { return }
  precondition(shape.kind == .average || workspace != nil, "a maximum's backward needs forward's workspace")
  let table = poolingTable(S.self)
  let places = workspace?.assumingMemoryBound(to: UInt8.self)
  WorkerPool.shareRows(size.batch * size.height, columns: size.width * shape.channels) { rows in
    var sizes = shape.sizes(size)
    let (first, end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
    switch shape.kind {
    case .maximum: table.maxima_backward(&sizes, dy, places, dx, first, end)
    case .average: table.means_backward(&sizes, dy, dx, first, end)
    }
  }
}

private func poolingTable<S: ComputeScalar>(_: S.Type) -> KelipPoolingTable {
  switch S.precision {
  case .fp32: kelip_pooling_f32
  case .bf16: nativeBFloat16 ? kelip_pooling_bf16_native : kelip_pooling_bf16
  }
}
