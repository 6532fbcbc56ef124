extension Reference {
  /// The mean or the maximum of each window's places inside the map.
  package static func poolingForward(_ x: [Double], _ shape: PoolingShape, _ size: MapSize) -> [Double] {
    let windows = poolingWindows(shape, size)
    return (0..<windows.count * shape.channels).map { cell in
      let (window, c) = (windows[cell / shape.channels], cell % shape.channels)
      let values = window.map { x[$0 * shape.channels + c] }
      return shape.kind == .maximum ? values.max()! : values.reduce(0, +) / Double(values.count)
    }
  }

  /// A mean's gradient goes to its places in equal parts, a maximum's to the first place that has it.
  package static func poolingBackward(
    _ dy: [Double], x: [Double], _ shape: PoolingShape, _ size: MapSize
  ) -> [Double] {
    var dx = [Double](repeating: 0, count: x.count)
    for (output, window) in poolingWindows(shape, size).enumerated() {
      for c in 0..<shape.channels {
        let (cells, d) = (window.map { $0 * shape.channels + c }, dy[output * shape.channels + c])
        switch shape.kind {
        case .average: for cell in cells { dx[cell] += d / Double(cells.count) }
        case .maximum: dx[cells.reduce(cells[0]) { x[$1] > x[$0] ? $1 : $0 }] += d
        }
      }
    }
    return dx
  }

  /// The input rows under each output row's window.
  private static func poolingWindows(_ shape: PoolingShape, _ size: MapSize) -> [[Int]] {
    let after = shape.output(size)
    var windows = [[Int]](repeating: [], count: after.rows)
    forEachWindowPlace(after, size, shape.kernel, shape.stride, shape.padding) { input, output, _, _ in
      windows[output].append(input)
    }
    return windows
  }
}
