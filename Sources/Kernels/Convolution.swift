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

/// A convolution and its three products through oneDNN, in the storage type of `S` with 32-bit sums.
///
/// The weights are the 32-bit masters [outputs, inputs, k, k] as in torch.nn.Conv2d. Copies in the layouts that oneDNN
/// prefers are made at their first use after each `refresh()`; primitives are kept an input size.
package final class ConvolutionMap<S: ComputeScalar> {
  package let shape: ConvolutionShape
  private let layer: OneDNN.Convolution

  /// - Parameter weight: the masters, which outlive this map.
  package init(_ shape: ConvolutionShape, weight: UnsafePointer<Float>) {
    self.shape = shape
    layer = OneDNN.Convolution(shape, isBF16: S.precision == .bf16, weight: weight)
  }

  /// Re-reads the masters; call after every change of them.
  package func refresh() { layer.refresh() }

  /// x[B, H, W, inputs] → y[B, H', W', outputs].
  package func forward(_ x: UnsafePointer<S>, _ size: MapSize, into y: UnsafeMutablePointer<S>) {
    let span = Phase.convolution.begin(flops: shape.flops(size))
    defer { span.end() }
    layer.forward(x, size, into: y)
  }

  /// dY[B, H', W', outputs] → dX[B, H, W, inputs]; `size` is the input's.
  package func backwardInput(_ dy: UnsafePointer<S>, _ size: MapSize, into dx: UnsafeMutablePointer<S>) {
    let span = Phase.convolutionDataGradient.begin(flops: shape.flops(size))
    defer { span.end() }
    layer.backwardInput(dy, size, into: dx)
  }

  /// dW[outputs, inputs, k, k] += the gradient; `size` is the input's. Saved from forward: x.
  package func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, _ size: MapSize, into dWeight: UnsafeMutablePointer<Float>
  ) {
    let span = Phase.convolutionWeightGradient.begin(flops: shape.flops(size))
    defer { span.end() }
    layer.backwardWeight(x, dy, size, into: dWeight)
  }

  /// oneDNN's names of what computes the three products.
  package func implementations(_ size: MapSize) -> String { layer.implementations(size) }
}
