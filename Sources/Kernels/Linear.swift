import Basics
import CKernels
internal import COneDNNShims

/// How a weight matrix lies in its checkpoint.
package enum WeightLayout: Sendable {
  /// [outputs, inputs], as torch.nn.Linear: y = x Wᵀ.
  case outputsByInputs
  /// [inputs, outputs], as CLIP's projections: y = x W.
  case inputsByOutputs
}

/// A linear map y[R, N] = x[R, K] · W + b and its three products, on the path of `S`.
///
/// The 32-bit masters are used as they are by the fp32 path. The bf16 path keeps two narrowed copies in oneDNN's
/// preferred layout (for the forward and the data-gradient product), made anew by `refresh()` after each update.
package final class LinearMap<S: ComputeScalar> {
  package let inputs: Int
  package let outputs: Int
  private let layout: WeightLayout
  private let weight: UnsafePointer<Float>
  private var forwardCopy: UnsafeMutableRawPointer?
  private var backwardCopy: UnsafeMutableRawPointer?

  /// - Parameter weight: the masters, which outlive this map.
  package init(inputs: Int, outputs: Int, layout: WeightLayout, weight: UnsafePointer<Float>) {
    (self.inputs, self.outputs, self.layout, self.weight) = (inputs, outputs, layout, weight)
  }

  deinit {
    forwardCopy?.deallocate()
    backwardCopy?.deallocate()
  }

  /// Re-reads the masters; call after every change of them. `training: false` leaves out the copy for gradients.
  package func refresh(training: Bool = true) {
    guard S.precision == .bf16 else { return }
    let storedByOutputs = layout == .outputsByInputs
    forwardCopy = forwardCopy ?? Self.copyBuffer(inputs: inputs, outputs: outputs)
    OneDNN.prepare(inputs: inputs, outputs: outputs, transposed: storedByOutputs, weight, into: forwardCopy!)
    guard training else { return }
    backwardCopy = backwardCopy ?? Self.copyBuffer(inputs: outputs, outputs: inputs)
    OneDNN.prepare(
      inputs: outputs, outputs: inputs, transposed: !storedByOutputs, weight, into: backwardCopy!)
  }

  private static func copyBuffer(inputs: Int, outputs: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: OneDNN.preparedBytes(inputs: inputs, outputs: outputs), alignment: 64)
  }

  /// y[R, N] = x[R, K] · W (+ b[N]).
  package func forward(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    let span = Phase.product.begin(shape(.forward, rows))
    defer { span.end() }
    switch S.precision {
    case .bf16: product(x, forwardCopy, inputs, outputs, bias: bias, into: y, rows: rows, floatOutput: false)
    case .fp32: forwardFloat(x, bias: bias, into: UnsafeMutableRawPointer(y), rows: rows)
    }
  }

  /// The same with 32-bit results whatever `S` is: for features.
  package func forwardToFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>? = nil, into y: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let span = Phase.product.begin(shape(.forward, rows))
    defer { span.end() }
    switch S.precision {
    case .bf16: product(x, forwardCopy, inputs, outputs, bias: bias, into: y, rows: rows, floatOutput: true)
    case .fp32: forwardFloat(x, bias: bias, into: UnsafeMutableRawPointer(y), rows: rows)
    }
  }

  /// dX[R, K] = dY[R, N] · Wᵀ.
  package func backwardInput(_ dy: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>, rows: Int) {
    let span = Phase.dataGradient.begin(shape(.dataGradient, rows))
    defer { span.end() }
    switch S.precision {
    case .bf16:
      product(dy, backwardCopy, outputs, inputs, bias: nil, into: dx, rows: rows, floatOutput: false)
    case .fp32:
      let byOutputs = layout == .outputsByInputs
      BLAS.multiply(
        .init(floats(dy), rowLength: outputs),
        .init(weight, rowLength: byOutputs ? inputs : outputs, transposed: !byOutputs), into: floats(dx),
        ldc: inputs, m: rows, n: inputs, k: outputs)
    }
  }

  /// dW += xᵀ dY in the layout of W, and dB += column sums of dY.
  package func backwardWeight(
    _ x: UnsafePointer<S>, _ dy: UnsafePointer<S>, into dWeight: UnsafeMutablePointer<Float>,
    dBias: UnsafeMutablePointer<Float>?, rows: Int, arena: Arena
  ) {
    let span = Phase.weightGradient.begin(shape(.weightGradient, rows))
    defer { span.end() }
    if let dBias { kernelTable(S.self).add_column_sums(dy, dBias, Int64(rows), Int64(outputs)) }
    switch layout {
    case .outputsByInputs: outerProduct(dy, outputs, x, inputs, into: dWeight, rows: rows, arena: arena)
    case .inputsByOutputs: outerProduct(x, inputs, dy, outputs, into: dWeight, rows: rows, arena: arena)
    }
  }

  private func shape(_ kind: ProductShape.Kind, _ rows: Int) -> ProductShape {
    ProductShape(kind, rows: rows, inputs: inputs, outputs: outputs)
  }

  /// C[A, B] += leftᵀ · right, left [R, A], right [R, B].
  private func outerProduct(
    _ left: UnsafePointer<S>, _ a: Int, _ right: UnsafePointer<S>, _ b: Int,
    into c: UnsafeMutablePointer<Float>, rows: Int, arena: Arena
  ) {
    switch S.precision {
    case .fp32:
      BLAS.multiply(
        .init(floats(left), rowLength: a, transposed: true), .init(floats(right), rowLength: b), into: c,
        ldc: b, m: a, n: b, k: rows, beta: 1)
    case .bf16:
      // Nothing to add; oneDNN 2.6 divides by an inner dimension of 0.
      guard rows > 0 else { return }
      // Transposing once and running a plain product is faster than oneDNN's own transposed product (README).
      arena.scratch {
        let transposed = arena.allocate(S.self, a * rows)
        transpose(left, into: transposed, rows: rows, columns: a)
        let shape = KelipMatmulShape(
          m: Int64(a), k: Int64(rows), n: Int64(b), source_transposed: 0,
          weight_layout: Int32(KELIP_PLAIN.rawValue),
          float_output: 1, has_bias: 0, accumulate: 1)
        OneDNN.matmul(shape, transposed, right, into: c)
      }
    }
  }

  private func product(
    _ x: UnsafePointer<S>, _ prepared: UnsafeMutableRawPointer?, _ k: Int, _ n: Int,
    bias: UnsafePointer<Float>?,
    into y: UnsafeMutableRawPointer, rows: Int, floatOutput: Bool
  ) {
    guard let prepared else { preconditionFailure("refresh() was not called") }
    let shape = KelipMatmulShape(
      m: Int64(rows), k: Int64(k), n: Int64(n), source_transposed: 0,
      weight_layout: Int32(KELIP_PREPARED.rawValue),
      float_output: floatOutput ? 1 : 0, has_bias: bias == nil ? 0 : 1, accumulate: 0)
    OneDNN.matmul(shape, x, prepared, bias: bias, into: y)
  }

  private func forwardFloat(
    _ x: UnsafePointer<S>, bias: UnsafePointer<Float>?, into y: UnsafeMutableRawPointer, rows: Int
  ) {
    let result = y.assumingMemoryBound(to: Float.self)
    if let bias { kelip_kernels_f32.broadcast_rows(bias, result, Int64(rows), Int64(outputs)) }
    let byOutputs = layout == .outputsByInputs
    BLAS.multiply(
      .init(floats(x), rowLength: inputs),
      .init(weight, rowLength: byOutputs ? inputs : outputs, transposed: byOutputs),
      into: result, ldc: outputs, m: rows, n: outputs, k: inputs, beta: bias == nil ? 0 : 1)
  }

  private func floats(_ pointer: UnsafePointer<S>) -> UnsafePointer<Float> {
    UnsafeRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }

  private func floats(_ pointer: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }
}
