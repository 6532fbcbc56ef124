import Kernels

/// torchvision's ResNet (He et al. 2016; `resnet50` with its default sizes) with a new last layer: B images [3, H, W] →
/// features[B, D].
///
/// A 7×7 stem and a 3×3 maximum, stages of bottlenecks with the stride in the 3×3 convolution, the mean over the last map,
/// `fc` to the joint space. Names are torchvision's, under `visual.`.
package final class ResNet50<S: ComputeScalar>: ImageTower {
  private struct Saved {
    var pass: TowerPass
    /// Of the pictures.
    var size: MapSize
    var lastSize: MapSize
    /// [B, outputs]; nil after `forwardGrid`.
    var pooled: UnsafeMutablePointer<S>?
  }

  private let freezing: Freezing
  private let stem: NormedConvolution<S>
  private let stemPool: MapPooling<S>
  private let stages: ResidualStages<S>
  private let fc: JointLayer<S>
  private let gradientEnd: () -> Int
  private var saved: Saved?

  init(_ registry: ParameterRegistry, _ config: ResNet50Config, embedDim: Int, freezing: Freezing) {
    self.freezing = freezing
    let (first, width) = (registry.count, config.width)
    let shape = ConvolutionShape(inputs: 3, outputs: width, kernel: 7, stride: 2, padding: 3)
    stem = registry.frozen(if: freezing.stem) {
      NormedConvolution(
        registry, convolution: "visual.conv1", norm: "visual.bn1", shape, shape.fanOutNormal)
    }
    stemPool = MapPooling(PoolingShape(.maximum, channels: width, kernel: 3, stride: 2, padding: 1))
    stages = ResidualStages(
      registry, name: "visual", layers: config.layers, width: width, .strided, freezing: freezing,
      start: \.fanOutNormal, lastGain: 1)
    let outputs = stages.outputs
    fc = registry.frozen(if: freezing.projection) {
      JointLayer(registry, name: "visual.fc", width: outputs, embedDim: embedDim)
    }
    gradientEnd = registry.gradientEnd(since: first)
  }

  package func refresh(training: Bool) {
    stem.refresh()
    stages.refresh()
    fc.refresh(training: training)
  }

  package func forward(
    _ images: ImageBatch, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) throws {
    precondition(images.keptPatches == nil, "a ResNet has no patches to drop")
    let (map, size) = try body(images, pass)
    let pooled = pass.arena.allocate(S.self, images.count * stages.outputs)
    poolingForward(map, .globalAverage(channels: stages.outputs, size), size, into: pooled)
    fc.forward(pooled, into: features, rows: images.count)
    saved?.pooled = pooled
  }

  package func forwardGrid(_ images: ImageBatch, _ pass: TowerPass) throws -> FeatureGrid<S> {
    let (map, size) = try body(images, pass)
    return FeatureGrid(rows: map, height: size.height, width: size.width, columns: stages.outputs)
  }

  /// The last map and its size.
  private func body(
    _ images: ImageBatch, _ pass: TowerPass
  ) throws -> (map: UnsafeMutablePointer<S>, size: MapSize) {
    let size = MapSize(batch: images.count, height: images.height, width: images.width)
    let x = pass.arena.allocate(S.self, size.rows * 3)
    channelsLast(images.values, channels: 3, size, into: x)
    let keeping = pass.isTraining && !freezing.stem
    let stemmed = try stem.forward(x, size, pass, keeping: keeping)
    let pooled = stemPool.forward(stemmed, stem.output(size), arena: pass.arena, keeping: keeping)
    let result = try stages.forward(pooled, stemPool.output(stem.output(size)), pass)
    saved = pass.isTraining ? Saved(pass: pass, size: size, lastSize: result.size) : nil
    return result
  }

  package func backward(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    guard fc.isTrainable else { return saved = nil }
    guard let saved, let pooled = saved.pooled else { preconditionFailure("backward without forward") }
    let (arena, batch) = (saved.pass.arena, saved.size.batch)
    try arena.scratch {
      guard stages.isTrained else {
        fc.backwardWeight(dFeatures, input: pooled, rows: batch, arena: arena)
        return
      }
      let dPooled = fc.backward(dFeatures, input: pooled, rows: batch, arena: arena)
      let dMap = arena.allocate(S.self, saved.lastSize.rows * stages.outputs)
      poolingBackward(
        dPooled, .globalAverage(channels: stages.outputs, saved.lastSize), saved.lastSize, into: dMap)
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
    try stem.backward(stemPool.backward(dStages, arena: arena), into: nil, arena: arena)
  }
}
