import Kernels

/// A ResNet's stages of bottleneck blocks, `NAME.layer1.0 …`: each after the first halves the sides, and doubles the
/// channels of the one before.
final class ResidualStages<S: ComputeScalar> {
  let blocks: [Bottleneck<S>]
  /// Blocks below it keep their weights.
  private let firstTrained: Int
  /// The inputs' sizes of the last forward pass.
  private var sizes: [MapSize] = []

  /// - Parameters:
  ///   - layers: blocks of each stage; what `freezing` calls a block is a whole stage.
  ///   - width: channels of the input, and of the first stage's inner convolutions.
  ///   - lastGain: what the third norms start with.
  init(
    _ registry: ParameterRegistry, name: String, layers: [Int], width: Int, _ downsampling: Downsampling,
    freezing: Freezing, start: (ConvolutionShape) -> Initialisation, lastGain: Float
  ) {
    var (blocks, inputs): ([Bottleneck<S>], Int) = ([], width)
    for (stage, count) in layers.enumerated() {
      for number in 0..<count {
        let block = registry.frozen(if: freezing.block(stage)) {
          Bottleneck<S>(
            registry, name: "\(name).layer\(stage + 1).\(number)", inputs: inputs, width: width << stage,
            stride: stage > 0 && number == 0 ? 2 : 1, downsampling, start: start, lastGain: lastGain)
        }
        blocks.append(block)
        inputs = block.outputs
      }
    }
    (self.blocks, outputs) = (blocks, inputs)
    let firstStage = layers.indices.first { !freezing.block($0) } ?? layers.count
    firstTrained = layers[..<firstStage].reduce(0, +)
  }

  /// Channels of the last map.
  let outputs: Int
  /// Something here is trained.
  var isTrained: Bool { firstTrained < blocks.count }
  /// What stands before the first block gets a gradient.
  var reachesInput: Bool { firstTrained == 0 }

  func refresh() { for block in blocks { block.refresh() } }

  /// x[B, H, W, width] → the last map and its size. In a training pass every trained block keeps its activations in the
  /// arena; the memory of others is reused by the next.
  func forward(_ x: UnsafePointer<S>, _ size: MapSize, _ pass: TowerPass) throws
    -> (map: UnsafeMutablePointer<S>, size: MapSize)
  {
    sizes.removeAll(keepingCapacity: true)
    sizes.append(size)
    let keptFrom = pass.isTraining ? firstTrained : blocks.count
    var largest = 0
    for index in blocks.indices {
      sizes.append(blocks[index].output(sizes[index]))
      if index < keptFrom { largest = max(largest, blocks[index].outputCount(sizes[index])) }
    }
    let passing = turns(largest, pass.arena)
    var map = UnsafeMutablePointer(mutating: x)
    for index in blocks.indices {
      let (block, keeping) = (blocks[index], index >= keptFrom)
      let turn = index % 2 == 0 ? passing.0 : passing.1
      let y = keeping ? pass.arena.allocate(S.self, block.outputCount(sizes[index])) : turn
      try block.forward(map, sizes[index], into: y, pass, keeping: keeping)
      map = y
    }
    return (map, sizes[blocks.count])
  }

  /// `dMap`, which it overwrites → the gradient of the input, nil where nothing before the first block is trained. Reports
  /// after each block how far the arena's gradients are complete.
  func backward(
    _ dMap: UnsafeMutablePointer<S>, arena: Arena, inputIsTrained: Bool,
    gradientsReady: (_ end: Int) throws -> Void
  ) throws -> UnsafeMutablePointer<S>? {
    let trained = firstTrained..<blocks.count
    var largest = 0
    for index in trained { largest = max(largest, sizes[index].rows * blocks[index].inputs) }
    let passing = turns(largest, arena)
    var dMap: UnsafeMutablePointer<S>? = dMap
    for index in trained.reversed() {
      let isLowest = index == firstTrained && !(index == 0 && inputIsTrained)
      let spare = dMap == passing.0 ? passing.1 : passing.0
      dMap = try blocks[index].backward(
        dMap!, sizes[index], spare: spare, wantsInput: !isLowest, arena: arena)
      try gradientsReady(blocks[index].gradientEnd)
    }
    return dMap
  }

  /// Two buffers for the largest of some maps, taken in turn.
  private func turns(_ largest: Int, _ arena: Arena) -> (UnsafeMutablePointer<S>, UnsafeMutablePointer<S>) {
    (arena.allocate(S.self, largest), arena.allocate(S.self, largest))
  }
}
