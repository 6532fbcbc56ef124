import Kernels

/// Where a ResNet's block loses resolution.
enum Downsampling {
  /// In the strides of its convolutions, as torchvision (the 3×3, and the shortcut's 1×1).
  case strided
  /// In 2×2 means before stride-free convolutions, as CLIP's ModifiedResNet: no aliasing.
  case averaged
}

/// A residual block of three convolutions, 1×1 · 3×3 · 1×1 (He et al. 2016): y = relu(f(x) + shortcut(x)).
final class Bottleneck<S: ComputeScalar> {
  /// The third convolution has this many times the channels of the others.
  static var expansion: Int { 4 }

  let inputs: Int
  let outputs: Int
  private let reduce: NormedConvolution<S>
  private let spatial: NormedConvolution<S>
  private let pool: MapPooling<S>?
  private let expand: NormedConvolution<S>
  private let shortcutPool: MapPooling<S>?
  private let shortcut: NormedConvolution<S>?
  private let registeredGradientEnd: () -> Int

  /// - Parameter lastGain: the third norm's at the start; 0 makes the block begin as its shortcut.
  init(
    _ registry: ParameterRegistry, name: String, inputs: Int, width: Int, stride: Int,
    _ downsampling: Downsampling, start: (ConvolutionShape) -> Initialisation, lastGain: Float
  ) {
    let (first, outputs) = (registry.count, width * Self.expansion)
    (self.inputs, self.outputs) = (inputs, outputs)
    func layer(
      _ convolution: String, _ norm: String, _ shape: ConvolutionShape, gain: Float = 1, relu: Bool = true
    ) -> NormedConvolution<S> {
      NormedConvolution(
        registry, convolution: "\(name).\(convolution)", norm: "\(name).\(norm)", shape, start(shape),
        gain: gain,
        relu: relu)
    }
    func averaging(_ channels: Int) -> MapPooling<S>? {
      guard downsampling == .averaged, stride > 1 else { return nil }
      return MapPooling(PoolingShape(.average, channels: channels, kernel: stride, stride: stride))
    }
    let convolutionStride = downsampling == .strided ? stride : 1
    reduce = layer("conv1", "bn1", ConvolutionShape(inputs: inputs, outputs: width, kernel: 1))
    spatial = layer(
      "conv2", "bn2",
      ConvolutionShape(inputs: width, outputs: width, kernel: 3, stride: convolutionStride, padding: 1))
    pool = averaging(width)
    expand = layer(
      "conv3", "bn3", ConvolutionShape(inputs: width, outputs: outputs, kernel: 1), gain: lastGain)
    let changes = stride > 1 || inputs != outputs
    shortcutPool = changes ? averaging(inputs) : nil
    shortcut =
      changes
      ? layer(
        "downsample.0", "downsample.1",
        ConvolutionShape(inputs: inputs, outputs: outputs, kernel: 1, stride: convolutionStride), relu: false)
      : nil
    registeredGradientEnd = registry.gradientEnd(since: first)
  }

  /// End of the arena prefix that is complete once this block's backward is done.
  var gradientEnd: Int { registeredGradientEnd() }

  func refresh() {
    reduce.refresh()
    spatial.refresh()
    expand.refresh()
    shortcut?.refresh()
  }

  func output(_ size: MapSize) -> MapSize {
    let middle = spatial.output(size)
    return pool?.output(middle) ?? middle
  }

  func outputCount(_ size: MapSize) -> Int { output(size).rows * outputs }

  /// x[B, H, W, inputs] → y[B, H', W', outputs]; with `keeping`, what backward needs stays in the arena.
  func forward(
    _ x: UnsafePointer<S>, _ size: MapSize, into y: UnsafeMutablePointer<S>, _ pass: TowerPass, keeping: Bool
  ) throws {
    func run() throws {
      let reduced = try reduce.forward(x, size, pass, keeping: keeping)
      var inner = try spatial.forward(reduced, size, pass, keeping: keeping)
      if let pool {
        inner = pool.forward(inner, spatial.output(size), arena: pass.arena, keeping: keeping)
      }
      let residual = try shortcutForward(x, size, pass, keeping: keeping)
      try expand.forward(inner, output(size), residual: residual, into: y, pass, keeping: keeping)
    }
    try keeping ? run() : pass.arena.scratch(run)
  }

  private func shortcutForward(
    _ x: UnsafePointer<S>, _ size: MapSize, _ pass: TowerPass, keeping: Bool
  ) throws -> UnsafePointer<S> {
    guard let shortcut else { return x }
    guard let shortcutPool else {
      return UnsafePointer(try shortcut.forward(x, size, pass, keeping: keeping))
    }
    let pooled = shortcutPool.forward(x, size, arena: pass.arena, keeping: keeping)
    return UnsafePointer(try shortcut.forward(pooled, output(size), pass, keeping: keeping))
  }

  /// dY[B, H', W', outputs], which it overwrites → dX[B, H, W, inputs] if that is wanted, in `spare` or in dY's own memory;
  /// `size` is the input's. The parameters' gradients accumulate (+=).
  func backward(
    _ dy: UnsafeMutablePointer<S>, _ size: MapSize, spare: UnsafeMutablePointer<S>, wantsInput: Bool,
    arena: Arena
  ) throws -> UnsafeMutablePointer<S>? {
    try arena.scratch {
      var dInner = arena.allocate(S.self, output(size).rows * spatial.outputs)
      try expand.backward(dy, into: dInner, arena: arena)
      if let pool { dInner = pool.backward(dInner, arena: arena) }
      let dReduced = arena.allocate(S.self, size.rows * reduce.outputs)
      try spatial.backward(dInner, into: dReduced, arena: arena)
      // dY is now the shortcut's gradient; the other branch's is added to what it becomes.
      let dx = try shortcutBackward(dy, size, spare: spare, wantsInput: wantsInput, arena)
      try reduce.backward(dReduced, into: dx, accumulating: true, arena: arena)
      return dx
    }
  }

  /// The shortcut's part of dX.
  private func shortcutBackward(
    _ dy: UnsafeMutablePointer<S>, _ size: MapSize, spare: UnsafeMutablePointer<S>, wantsInput: Bool,
    _ arena: Arena
  ) throws -> UnsafeMutablePointer<S>? {
    guard let shortcut else { return wantsInput ? dy : nil }
    guard let shortcutPool, wantsInput else {
      try shortcut.backward(dy, into: wantsInput ? spare : nil, arena: arena)
      return wantsInput ? spare : nil
    }
    let dPooled = arena.allocate(S.self, shortcutPool.output(size).rows * inputs)
    try shortcut.backward(dy, into: dPooled, arena: arena)
    shortcutPool.backward(dPooled, into: spare)
    return spare
  }
}
