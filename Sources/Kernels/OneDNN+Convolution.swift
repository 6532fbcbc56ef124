internal import COneDNNShims

extension OneDNN {
  /// One convolution layer of the library; its failures trap as all of oneDNN's do.
  final class Convolution {
    private let handle: OpaquePointer
    private let shape: ConvolutionShape

    init(_ shape: ConvolutionShape, isBF16: Bool, weight: UnsafePointer<Float>) {
      var sizes = KelipConvolutionShape(
        inputs: Int64(shape.inputs), outputs: Int64(shape.outputs), kernel: Int64(shape.kernel),
        stride: Int64(shape.stride), padding: Int64(shape.padding), is_bf16: isBF16 ? 1 : 0)
      guard let handle = kelip_dnn_convolution_create(&sizes, weight) else {
        preconditionFailure("convolution: \(lastError)")
      }
      (self.handle, self.shape) = (handle, shape)
    }

    deinit { kelip_dnn_convolution_destroy(handle) }

    func refresh() { kelip_dnn_convolution_refresh(handle) }

    func forward(_ x: UnsafeRawPointer, _ size: MapSize, into y: UnsafeMutableRawPointer) {
      run("forward", size) { kelip_dnn_convolution_forward(handle, $0, $1, $2, x, y) }
    }

    func backwardInput(_ dy: UnsafeRawPointer, _ size: MapSize, into dx: UnsafeMutableRawPointer) {
      run("input gradient", size) { kelip_dnn_convolution_backward_input(handle, $0, $1, $2, dy, dx) }
    }

    func backwardWeight(
      _ x: UnsafeRawPointer, _ dy: UnsafeRawPointer, _ size: MapSize,
      into dWeight: UnsafeMutablePointer<Float>
    ) {
      run("weight gradient", size) {
        kelip_dnn_convolution_backward_weights(handle, $0, $1, $2, x, dy, dWeight)
      }
    }

    func implementations(_ size: MapSize) -> String {
      String(
        cString: kelip_dnn_convolution_implementations(
          handle, Int64(size.batch), Int64(size.height), Int64(size.width)))
    }

    /// An empty batch has nothing to compute; the library would refuse it.
    private func run(_ product: String, _ size: MapSize, _ call: (Int64, Int64, Int64) -> Int32) {
      guard size.batch > 0 else { return }
      check(
        call(Int64(size.batch), Int64(size.height), Int64(size.width)),
        "convolution's \(product), \(shape) on \(size)")
    }
  }
}
