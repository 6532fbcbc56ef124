/// A part of a training step whose time is told apart: a section of the step, or a kind of operation within one.
package enum Phase: UInt8, CaseIterable, Sendable {
  // Sections.
  case zeroGradients
  case weightCopies
  case imageForward
  case imageBackward
  case textForward
  case textBackward
  case loss
  case communication
  case gradientNorm
  case update

  // Kinds of operation.
  case product
  case dataGradient
  case weightGradient
  case convolution
  case convolutionDataGradient
  case convolutionWeightGradient
  case convolutionGradients
  case attention
  case attentionBackward
  case layerNorm
  case batchNorm
  case activation
  case pooling
  case embedding
  case rows
  case clearing

  package var label: String {
    switch self {
    case .zeroGradients: "zero gradients"
    case .weightCopies: "weight copies"
    case .imageForward: "images forward"
    case .imageBackward: "images backward"
    case .textForward: "texts forward"
    case .textBackward: "texts backward"
    case .loss: "loss"
    case .communication: "communication exposed"
    case .gradientNorm: "gradient norm"
    case .update: "optimizer"
    case .product: "matrix product"
    case .dataGradient: "product: data gradient"
    case .weightGradient: "product: weight gradient"
    case .convolution: "convolution"
    case .convolutionDataGradient: "convolution: data gradient"
    case .convolutionWeightGradient: "convolution: weight gradient"
    case .convolutionGradients: "convolution: both gradients"
    case .attention: "attention"
    case .attentionBackward: "attention backward"
    case .layerNorm: "layer norm"
    case .batchNorm: "batch norm"
    case .activation: "activation"
    case .pooling: "pooling"
    case .embedding: "embedding"
    case .rows: "rows: gather, sum, convert"
    case .clearing: "clearing memory"
    }
  }

  /// A whole tower's way forward or back: all of its work is in phases of their own.
  package var isTowerPass: Bool {
    switch self {
    case .imageForward, .imageBackward, .textForward, .textBackward: true
    default: false
    }
  }

  /// Starts a span that ends with `end()`:
  ///
  ///     let span = Phase.layerNorm.begin()
  ///     defer { span.end() }
  ///
  /// Costs one load unless this thread's clock runs.
  ///
  /// - Parameter flops: multiplications and additions that the formula asks for; only asked while the clock runs.
  @inline(__always)
  package func begin(flops: @autoclosure () -> Double = 0) -> PhaseSpan {
    guard PhaseClock.isRunning else { return .none }
    return PhaseClock.enter(self, flops: flops(), shape: nil)
  }

  /// The same of a matrix product.
  @inline(__always)
  package func begin(_ shape: @autoclosure () -> ProductShape) -> PhaseSpan {
    guard PhaseClock.isRunning else { return .none }
    let shape = shape()
    return PhaseClock.enter(self, flops: shape.flops, shape: shape)
  }
}

/// The sizes of one product of a linear map of R rows from K inputs to N outputs.
package struct ProductShape: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// x[R, K] · W[K, N].
    case forward
    /// dY[R, N] · Wᵀ[N, K].
    case dataGradient = "data_gradient"
    /// xᵀ[K, R] · dY[R, N].
    case weightGradient = "weight_gradient"
  }

  package var kind: Kind
  package var rows: Int
  package var inputs: Int
  package var outputs: Int

  package init(_ kind: Kind, rows: Int, inputs: Int, outputs: Int) {
    (self.kind, self.rows, self.inputs, self.outputs) = (kind, rows, inputs, outputs)
  }

  package var flops: Double { 2 * Double(rows) * Double(inputs) * Double(outputs) }
}

/// A stretch of time that a running `PhaseClock` takes note of; nothing otherwise.
package struct PhaseSpan: Sendable {
  let isNoted: Bool
  package static var none: PhaseSpan { PhaseSpan(isNoted: false) }

  @inline(__always)
  package func end() {
    if isNoted { PhaseClock.leave() }
  }
}
