import CKernels

/// One convolution's products in bfloat16 on the processor's matrix unit, with copies of the weights as it reads them.
///
/// Two to ten times as fast as oneDNN 2.6's, most of all the weight gradient.
final class MatrixConvolution {
  private let shape: ConvolutionShape
  private let weight: UnsafePointer<Float>
  /// There is an input gradient.
  let hasInputGradient: Bool
  /// Copies for forward and for the input gradient, made at their first use and again after a refresh.
  private var copies: (forward: UnsafeMutableRawPointer?, backward: UnsafeMutableRawPointer?)
  private var isFresh = (forward: false, backward: false)

  /// Nil where the machine has no matrix unit or the channels do not fill its tiles.
  init?(_ shape: ConvolutionShape, weight: UnsafePointer<Float>) {
    var sizes = Self.sizes(shape, MapSize(batch: 1, height: shape.kernel, width: shape.kernel))
    guard kelip_convolution_fits(&sizes) != 0 else { return nil }
    (self.shape, self.weight) = (shape, weight)
    hasInputGradient = kelip_convolution_has_input_gradient(&sizes) != 0
  }

  deinit {
    copies.forward?.deallocate()
    copies.backward?.deallocate()
  }

  func refresh() { isFresh = (false, false) }

  /// - Parameter moments: filled with the sums over y's rows where it is given.
  func forward(
    _ x: UnsafeRawPointer, _ size: MapSize, into y: UnsafeMutableRawPointer, moments: ColumnMoments? = nil
  ) {
    guard size.batch > 0 else { return }
    var sizes = Self.sizes(shape, size)
    if !isFresh.forward {
      copies.forward = copies.forward ?? copyBuffer(&sizes)
      kelip_convolution_pack(&sizes, weight, copies.forward, nil)
      isFresh.forward = true
    }
    guard let moments else { return kelip_convolution_forward(&sizes, x, copies.forward, y, nil) }
    var sums = KelipColumnMoments(pivot: moments.pivot, sums: moments.sums, squares: moments.squares)
    kelip_convolution_forward(&sizes, x, copies.forward, y, &sums)
  }

  /// dX is written, or added to if `accumulating`, and dW added to, where they are given.
  func backward(
    _ dy: UnsafeRawPointer, through norm: (gradient: NormGradient, y: UnsafeRawPointer)?,
    input x: UnsafeRawPointer?,
    _ size: MapSize, into dx: UnsafeMutableRawPointer?, accumulating: Bool,
    dWeight: UnsafeMutablePointer<Float>?
  ) {
    guard size.batch > 0 else { return }
    var sizes = Self.sizes(shape, size)
    if dx != nil, !isFresh.backward {
      copies.backward = copies.backward ?? copyBuffer(&sizes)
      kelip_convolution_pack(&sizes, weight, nil, copies.backward)
      isFresh.backward = true
    }
    func run(_ norm: UnsafePointer<KelipNormGradient>?) {
      kelip_convolution_backward(&sizes, x, dy, norm, copies.backward, dx, accumulating ? 1 : 0, dWeight)
    }
    guard let (gradient, y) = norm else { return run(nil) }
    var factors = KelipNormGradient(
      y: y, mean: gradient.mean, scale: gradient.scale, shift: gradient.shift, slope: gradient.slope)
    run(&factors)
  }

  private func copyBuffer(_ sizes: inout KelipConvolution2D) -> UnsafeMutableRawPointer {
    .allocate(byteCount: Int(kelip_convolution_weight_bytes(&sizes)), alignment: 64)
  }

  private static func sizes(_ shape: ConvolutionShape, _ size: MapSize) -> KelipConvolution2D {
    KelipConvolution2D(
      inputs: Int64(shape.inputs), outputs: Int64(shape.outputs), kernel: Int64(shape.kernel),
      stride: Int64(shape.stride), padding: Int64(shape.padding), batch: Int64(size.batch),
      height: Int64(size.height), width: Int64(size.width))
  }
}
