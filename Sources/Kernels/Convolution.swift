import Basics
internal import COneDNNShims

/// A 2-D convolution's sizes: square kernels, strides and borders of zeros, no bias, no groups.
package struct ConvolutionShape: Hashable, Sendable {
  /// Channels of the input.
  package var inputs: Int
  /// Channels of the output.
  package var outputs: Int
  package var kernel: Int
  package var stride: Int
  package var padding: Int

  package init(inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0) {
    precondition(inputs > 0 && outputs > 0 && kernel > 0 && stride > 0 && padding >= 0)
    (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
    (self.stride, self.padding) = (stride, padding)
  }

  /// Weights of one output: inputs · kernel².
  package var fanIn: Int { inputs * kernel * kernel }

  /// Of each of the three products.
  func flops(_ size: MapSize) -> Double { 2 * Double(output(size).rows) * Double(outputs) * Double(fanIn) }

  /// The output's size, by side (H + 2·padding − kernel) / stride + 1 rounded down.
  package func output(_ size: MapSize) -> MapSize {
    size.windowed(side: (kernel, kernel), stride: stride, padding: padding)
  }
}

/// A convolution and its three products, in the storage type of `S` with 32-bit sums: in bfloat16 on the matrix unit
/// where the machine has one and the channels fill its tiles, else through oneDNN.
///
/// The weights are the 32-bit masters [outputs, inputs, k, k] as in torch.nn.Conv2d. Copies in the layouts that the
/// products read are made at their first use after each `refresh()`.
package final class ConvolutionMap<S: ComputeScalar> {
  package let shape: ConvolutionShape
  private let unit: MatrixConvolution?
  private let weight: UnsafePointer<Float>
  private lazy var library = OneDNN.Convolution(shape, isBF16: S.precision == .bf16, weight: weight)
  private var libraryIsUsed = false

  /// - Parameters:
  ///   - weight: the masters, which outlive this map.
  ///   - usesMatrixUnit: false leaves everything to oneDNN.
  package init(_ shape: ConvolutionShape, weight: UnsafePointer<Float>, usesMatrixUnit: Bool = true) {
    (self.shape, self.weight) = (shape, weight)
    unit = S.precision == .bf16 && usesMatrixUnit ? MatrixConvolution(shape, weight: weight) : nil
  }

  /// Re-reads the masters; call after every change of them.
  package func refresh() {
    unit?.refresh()
    if libraryIsUsed { library.refresh() }
  }

  private func throughLibrary(_ body: (OneDNN.Convolution) -> Void) {
    libraryIsUsed = true
    body(library)
  }

  /// x[B, H, W, inputs] → y[B, H', W', outputs].
  package func forward(_ x: UnsafePointer<S>, _ size: MapSize, into y: UnsafeMutablePointer<S>) {
    let span = Phase.convolution.begin(flops: shape.flops(size))
    defer { span.end() }
    if let unit { return unit.forward(x, size, into: y) }
    throughLibrary { $0.forward(x, size, into: y) }
  }

  /// The same with the sums that a batch norm needs, where they come at no cost; they lie in the arena.
  package func forwardWithMoments(
    _ x: UnsafePointer<S>, _ size: MapSize, into y: UnsafeMutablePointer<S>, arena: Arena
  ) -> ColumnMoments? {
    guard let unit, size.batch > 0 else {
      forward(x, size, into: y)
      return nil
    }
    let span = Phase.convolution.begin(flops: shape.flops(size))
    defer { span.end() }
    let moments = ColumnMoments(rows: shape.output(size).rows, columns: shape.outputs, arena: arena)
    unit.forward(x, size, into: y, moments: moments)
    return moments
  }

  /// dY[B, H', W', outputs] → dX[B, H, W, inputs]; `size` is the input's.
  package func backwardInput(_ dy: UnsafePointer<S>, _ size: MapSize, into dx: UnsafeMutablePointer<S>) {
    let span = Phase.convolutionDataGradient.begin(flops: shape.flops(size))
    defer { span.end() }
    if let unit, unit.hasInputGradient {
      return unit.backward(
        dy, through: nil, input: nil, size, into: dx, accumulating: false, dWeight: nil)
    }
    throughLibrary { $0.backwardInput(dy, size, into: dx) }
  }

  /// dW[outputs, inputs, k, k] += the gradient; `size` is the input's. Saved from forward: x.
  package func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, _ size: MapSize, into dWeight: UnsafeMutablePointer<Float>
  ) {
    let span = Phase.convolutionWeightGradient.begin(flops: shape.flops(size))
    defer { span.end() }
    if let unit {
      return unit.backward(
        dy, through: nil, input: x, size, into: nil, accumulating: false, dWeight: dWeight)
    }
    throughLibrary { $0.backwardWeight(x, dy, size, into: dWeight) }
  }

  /// Both gradients from dY behind a batch norm of this convolution's result y: dW += , and dX, or dX += if
  /// `accumulating`; it is left out where it is nil.
  package func backward(
    _ dy: UnsafePointer<S>, through norm: NormGradient, of y: UnsafePointer<S>, input x: UnsafePointer<S>,
    _ size: MapSize, into dx: UnsafeMutablePointer<S>?, accumulating: Bool,
    dWeight: UnsafeMutablePointer<Float>, arena: Arena
  ) {
    if let unit, dx == nil || unit.hasInputGradient {
      let span = Phase.convolutionGradients.begin(flops: shape.flops(size) * (dx == nil ? 1 : 2))
      defer { span.end() }
      return unit.backward(
        dy, through: (norm, UnsafeRawPointer(y)), input: x, size, into: dx, accumulating: accumulating,
        dWeight: dWeight)
    }
    arena.scratch {
      let rows = shape.output(size).rows
      let dConvolved = arena.allocate(S.self, rows * shape.outputs)
      batchNormInputGradient(dy, x: y, norm, into: dConvolved, rows: rows, columns: shape.outputs)
      backwardWeight(x, dConvolved, size, into: dWeight)
      guard let dx else { return }
      let count = size.rows * shape.inputs
      let target = accumulating ? arena.allocate(S.self, count) : dx
      backwardInput(dConvolved, size, into: target)
      if accumulating { addInPlace(target, to: dx, count: count) }
    }
  }

  /// oneDNN's names of what computes the three products.
  package func implementations(_ size: MapSize) -> String { library.implementations(size) }
}
