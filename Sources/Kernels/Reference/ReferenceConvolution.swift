extension Reference {
  /// Visits every product of a convolution: places in x[B, H, W, I], in W[O, I, k, k] and in y[B, H', W', O].
  private static func forEachProduct(
    _ shape: ConvolutionShape, _ size: MapSize, _ body: (_ x: Int, _ w: Int, _ y: Int) -> Void
  ) {
    forEachWindowPlace(shape.output(size), size, (shape.kernel, shape.kernel), shape.stride, shape.padding) {
      input, output, ky, kx in
      for o in 0..<shape.outputs {
        for i in 0..<shape.inputs {
          let w = ((o * shape.inputs + i) * shape.kernel + ky) * shape.kernel + kx
          body(input * shape.inputs + i, w, output * shape.outputs + o)
        }
      }
    }
  }

  /// Visits the places inside the map that each window covers: rows of the input and of the output map.
  static func forEachWindowPlace(
    _ after: MapSize, _ before: MapSize, _ kernel: (height: Int, width: Int), _ stride: Int, _ padding: Int,
    _ body: (_ input: Int, _ output: Int, _ ky: Int, _ kx: Int) -> Void
  ) {
    for b in 0..<before.batch {
      for oy in 0..<after.height {
        for ox in 0..<after.width {
          for ky in 0..<kernel.height {
            for kx in 0..<kernel.width {
              let (y, x) = (oy * stride + ky - padding, ox * stride + kx - padding)
              guard y >= 0, y < before.height, x >= 0, x < before.width else { continue }
              body(
                (b * before.height + y) * before.width + x, (b * after.height + oy) * after.width + ox, ky, kx
              )
            }
          }
        }
      }
    }
  }

  /// y[b, oy, ox, o] = Σ x[b, oy·s + ky − p, ox·s + kx − p, i] W[o, i, ky, kx].
  package static func convolutionForward(
    _ x: [Double], weight: [Double], _ shape: ConvolutionShape, _ size: MapSize
  ) -> [Double] {
    var y = [Double](repeating: 0, count: shape.output(size).rows * shape.outputs)
    forEachProduct(shape, size) { y[$2] += x[$0] * weight[$1] }
    return y
  }

  package static func convolutionBackwardInput(
    _ dy: [Double], weight: [Double], _ shape: ConvolutionShape, _ size: MapSize
  ) -> [Double] {
    var dx = [Double](repeating: 0, count: size.rows * shape.inputs)
    forEachProduct(shape, size) { dx[$0] += dy[$2] * weight[$1] }
    return dx
  }

  package static func convolutionBackwardWeight(
    _ x: [Double], _ dy: [Double], _ shape: ConvolutionShape, _ size: MapSize
  ) -> [Double] {
    var dWeight = [Double](repeating: 0, count: shape.outputs * shape.fanIn)
    forEachProduct(shape, size) { dWeight[$1] += x[$0] * dy[$2] }
    return dWeight
  }

  /// y[B, P, C] of x[B, C, P].
  package static func channelsLast(_ x: [Double], channels: Int, _ size: MapSize) -> [Double] {
    let length = channels * size.places
    return (0..<size.batch).flatMap {
      transpose(Array(x[$0 * length..<($0 + 1) * length]), rows: channels, columns: size.places)
    }
  }
}
