import Kernels

/// CLIP's ModifiedResNet (Radford et al. 2021): B images [3, H, W] → features[B, D]; sides are multiples of 32.
///
/// Beside torchvision's: a stem of three 3×3 convolutions and a 2×2 mean, means before stride-free convolutions where a
/// block loses resolution, attention pooling. Names are OpenAI CLIP's, under `visual.`.
package final class ModifiedResNet<S: ComputeScalar>: ImageTower {
  private struct Saved {
    var pass: TowerPass
    var stemSizes: [MapSize]
    var lastSize: MapSize
  }

  private let config: ModifiedResNetConfig
  private let freezing: Freezing
  private let stem: [NormedConvolution<S>]
  private let stemPool: MapPooling<S>
  private let stages: ResidualStages<S>
  private let pooling: AttentionPooling<S>
  private var layouts: PatchLayouts
  private let gradientEnd: () -> Int
  private var saved: Saved?

  init(_ registry: ParameterRegistry, _ config: ModifiedResNetConfig, embedDim: Int, freezing: Freezing) {
    (self.config, self.freezing) = (config, freezing)
    let (first, width) = (registry.count, config.width)
    layouts = PatchLayouts(patchSize: config.gridStride)
    let shapes = [
      ConvolutionShape(inputs: 3, outputs: width / 2, kernel: 3, stride: 2, padding: 1),
      ConvolutionShape(inputs: width / 2, outputs: width / 2, kernel: 3, padding: 1),
      ConvolutionShape(inputs: width / 2, outputs: width, kernel: 3, padding: 1),
    ]
    stem = registry.frozen(if: freezing.stem) {
      shapes.enumerated().map { number, shape in
        NormedConvolution(
          registry, convolution: "visual.conv\(number + 1)", norm: "visual.bn\(number + 1)", shape,
          shape.fanInUniform)
      }
    }
    stemPool = MapPooling(PoolingShape(.average, channels: width, kernel: 2, stride: 2))
    // Third norms start at 0, so that each block starts as its shortcut.
    stages = ResidualStages(
      registry, name: "visual", layers: config.layers, width: width, .averaged, freezing: freezing,
      start: \.fanInUniform, lastGain: 0)
    pooling = AttentionPooling(
      registry, name: "visual.attnpool", config, embedDim: embedDim, freezing: freezing)
    gradientEnd = registry.gradientEnd(since: first)
  }

  package func refresh(training: Bool) {
    for layer in stem { layer.refresh() }
    stages.refresh()
    pooling.refresh(training: training)
  }

  package func forward(
    _ images: ImageBatch, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) throws {
    precondition(images.keptPatches == nil, "a ResNet has no patches to drop")
    let layout = layouts.layout(images, hasClassToken: true)
    let map = try body(images, pass).map
    pooling.forward(map, layout, into: features, pass)
  }

  package func forwardGrid(_ images: ImageBatch, _ pass: TowerPass) throws -> FeatureGrid<S> {
    let (map, size) = try body(images, pass)
    return FeatureGrid(rows: map, height: size.height, width: size.width, columns: stages.outputs)
  }

  /// The last map and its size.
  private func body(
    _ images: ImageBatch, _ pass: TowerPass
  ) throws -> (map: UnsafeMutablePointer<S>, size: MapSize) {
    var size = MapSize(batch: images.count, height: images.height, width: images.width)
    let x = pass.arena.allocate(S.self, size.rows * 3)
    channelsLast(images.values, channels: 3, size, into: x)
    let keeping = pass.isTraining && !freezing.stem
    var (map, sizes) = (x, [size])
    for layer in stem {
      map = try layer.forward(map, size, pass, keeping: keeping)
      size = layer.output(size)
      sizes.append(size)
    }
    map = stemPool.forward(map, size, arena: pass.arena, keeping: keeping)
    let result = try stages.forward(map, stemPool.output(size), pass)
    saved = pass.isTraining ? Saved(pass: pass, stemSizes: sizes, lastSize: result.size) : nil
    return result
  }

  package func backward(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    guard pooling.isTrained else { return saved = nil }
    guard let saved else { preconditionFailure("backward without forward") }
    try saved.pass.arena.scratch {
      guard let dMap = pooling.backward(dFeatures, arena: saved.pass.arena) else { return }
      try backwardBody(dMap, saved, gradientsReady)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  package func backwardGrid(
    _ dRows: UnsafePointer<S>, gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    guard stages.isTrained else { return saved = nil }
    guard let saved else { preconditionFailure("backward without forward") }
    let (arena, count) = (saved.pass.arena, saved.lastSize.rows * stages.outputs)
    try arena.scratch {
      let dMap = arena.allocate(S.self, count)
      dMap.update(from: dRows, count: count)
      try backwardBody(dMap, saved, gradientsReady)
    }
    self.saved = nil
    try gradientsReady(gradientEnd())
  }

  /// From the gradient of the last map, which it overwrites.
  private func backwardBody(
    _ dMap: UnsafeMutablePointer<S>, _ saved: Saved, _ gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    let arena = saved.pass.arena
    let dStages = try stages.backward(
      dMap, arena: arena, inputIsTrained: !freezing.stem, gradientsReady: gradientsReady)
    guard let dStages, !freezing.stem else { return }
    var dMap = stemPool.backward(dStages, arena: arena)
    for (number, layer) in stem.enumerated().reversed() {
      let inputCount = number == 0 ? 0 : saved.stemSizes[number].rows * stem[number - 1].outputs
      let dInput = number == 0 ? nil : arena.allocate(S.self, inputCount)
      try layer.backward(dMap, into: dInput, arena: arena)
      dMap = dInput ?? dMap
    }
  }
}
