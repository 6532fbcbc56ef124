import Kernels

/// Convolution, batch norm, the sum with a residual, ReLU: what ResNets are made of.
final class NormedConvolution<S: ComputeScalar> {
  private struct Saved {
    var input: UnsafePointer<S>
    var size: MapSize
    var convolved: UnsafeMutablePointer<S>
    var norm: BatchNorm<S>.Saved
    var output: UnsafePointer<S>
  }

  private let convolution: Convolution<S>
  private let norm: BatchNorm<S>
  private let relu: Bool
  private var saved: Saved?

  /// - Parameters:
  ///   - gain: the norm's at the start.
  ///   - relu: whether one follows the norm (and the residual).
  init(
    _ registry: ParameterRegistry, convolution: String, norm: String, _ shape: ConvolutionShape,
    _ initialisation: Initialisation, gain: Float = 1, relu: Bool = true
  ) {
    self.convolution = Convolution(registry, name: convolution, shape, initialisation)
    self.norm = BatchNorm(registry, name: norm, width: shape.outputs, gain: gain)
    self.relu = relu
  }

  var outputs: Int { convolution.shape.outputs }

  func refresh() { convolution.refresh() }

  func output(_ size: MapSize) -> MapSize { convolution.shape.output(size) }

  /// Elements of the output for an input size.
  func outputCount(_ size: MapSize) -> Int { output(size).rows * outputs }

  /// x[B, H, W, inputs] → y[B, H', W', outputs], with `residual` of the size of y. With `keeping`, what backward needs
  /// stays in the arena, x and y among it.
  func forward(
    _ x: UnsafePointer<S>, _ size: MapSize, residual: UnsafePointer<S>? = nil,
    into y: UnsafeMutablePointer<S>,
    _ pass: TowerPass, keeping: Bool
  ) throws {
    func run() throws {
      let rows = output(size).rows
      let (convolved, sums) = convolution.forward(
        x, size, wantsMoments: norm.usesBatch(pass), arena: pass.arena)
      let statistics = try norm.statistics(convolved, sums: sums, rows: rows, pass)
      norm.forward(
        convolved, residual: residual, statistics, relu: relu, into: y, rows: rows, arena: pass.arena)
      saved = Saved(input: x, size: size, convolved: convolved, norm: statistics, output: y)
    }
    guard !keeping else { return try run() }
    try pass.arena.scratch(run)
    saved = nil
  }

  /// The same into new memory.
  func forward(_ x: UnsafePointer<S>, _ size: MapSize, _ pass: TowerPass, keeping: Bool) throws
    -> UnsafeMutablePointer<S>
  {
    let y = pass.arena.allocate(S.self, outputCount(size))
    try forward(x, size, into: y, pass, keeping: keeping)
    return y
  }

  /// `dY` enters as the gradient of the output and leaves as that of the residual. dX is written where it is given, or
  /// added to if `accumulating`; the parameters' gradients accumulate (+=).
  func backward(
    _ dy: UnsafeMutablePointer<S>, into dx: UnsafeMutablePointer<S>?, accumulating: Bool = false, arena: Arena
  ) throws {
    guard let saved else { preconditionFailure("backward without forward") }
    try arena.scratch {
      let gradient = try norm.gradient(
        dy, relu: relu ? saved.output : nil, input: saved.convolved, saved.norm,
        rows: output(saved.size).rows, arena: arena)
      convolution.backward(
        dy, through: gradient, of: saved.convolved, input: saved.input, saved.size, into: dx,
        accumulating: accumulating, arena: arena)
    }
    self.saved = nil
  }
}
