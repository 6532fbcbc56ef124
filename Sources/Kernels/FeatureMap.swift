import CKernels

/// A batch of feature maps, channels last: [B, H, W, C] in memory, which a linear map sees as rows [B·H·W, C].
package struct MapSize: Hashable, Sendable {
  /// B.
  package var batch: Int
  /// H.
  package var height: Int
  /// W.
  package var width: Int

  package init(batch: Int, height: Int, width: Int) {
    (self.batch, self.height, self.width) = (batch, height, width)
  }

  /// H·W, the places of one map.
  package var places: Int { height * width }
  /// B·H·W.
  package var rows: Int { batch * places }

  /// What a window of a side, moved by `stride` over a map with `padding` around it, makes of this size.
  func windowed(side: (height: Int, width: Int), stride: Int, padding: Int) -> MapSize {
    func after(_ length: Int, _ window: Int) -> Int {
      precondition(length + 2 * padding >= window, "a map of \(length) is smaller than a window of \(window)")
      return (length + 2 * padding - window) / stride + 1
    }
    return MapSize(batch: batch, height: after(height, side.height), width: after(width, side.width))
  }
}

/// y[B, H, W, C] of images[B, C, H, W].
package func channelsLast<S: ComputeScalar>(
  _ images: UnsafePointer<Float>, channels: Int, _ size: MapSize, into y: UnsafeMutablePointer<S>
) {
  let (table, each) = (mapTable(S.self), channels * size.places)
  WorkerPool.shareRows(size.batch, columns: each) { maps in
    let first = maps.lowerBound * each
    table.channels_last(images + first, y + first, Int64(maps.count), Int64(channels), Int64(size.places))
  }
}

@inline(__always)
func mapTable<S: ComputeScalar>(_: S.Type) -> KelipMapTable {
  switch S.precision {
  case .fp32: kelip_maps_f32
  case .bf16: nativeBFloat16 ? kelip_maps_bf16_native : kelip_maps_bf16
  }
}
