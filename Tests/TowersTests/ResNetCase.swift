import Foundation
import Kernels
import TestSupport
import Towers

/// A convolutional tower with the numbers that make_resnet_fixtures.py draws, and the fixture of what comes out.
struct ResNetCase<S: ComputeScalar> {
  let fixture: Fixture
  let tower: any ImageTower<S>
  let parameters: ParameterArena
  let config: any ImageTowerConfig
  let embedDim: Int
  let batch: Int
  let (height, width): (Int, Int)
  let images: [Float]
  let probe: [Float]

  /// - Parameter pictures: batch, height and width in place of the fixture's.
  init(_ name: String, freezing: Freezing = .none, pictures: [Int]? = nil) throws {
    fixture = try Fixture(name, in: .module)
    let data = Data(fixture.metadata["config"]!.utf8)
    let sizes = try JSONDecoder().decode(Sizes.self, from: data)
    embedDim = sizes.embedDim
    let pictures = pictures ?? sizes.pictures
    (batch, height, width) = (pictures[0], pictures[1], pictures[2])
    config =
      name.contains("modified")
      ? try JSONDecoder().decode(ModifiedResNetConfig.self, from: data)
      : try JSONDecoder().decode(ResNet50Config.self, from: data)
    try config.validate()
    let registry = ParameterRegistry()
    tower = config.makeTower(
      registry, embedDim: sizes.embedDim, activation: .gelu, freezing: freezing, as: S.self)
    parameters = ParameterArena(registry)
    for (seed, parameter) in Self.sorted(parameters).enumerated() { Self.fill(parameter, seed: seed) }
    tower.refresh(training: true)
    images = Self.draws(sizes.pictures[3], batch * 3 * height * width).map { Float(1.7 * $0) }
    probe = Self.draws(10_001, batch * embedDim).map { Float($0) }
  }

  private struct Sizes: Decodable {
    var embedDim: Int
    /// Batch, height, width, seed.
    var pictures: [Int]

    enum CodingKeys: String, CodingKey {
      case embedDim = "embed_dim"
      case pictures
    }
  }

  static func sorted(_ parameters: ParameterArena) -> [Parameter] {
    parameters.parameters.sorted { $0.name < $1.name }
  }

  /// The script's `draws`: uniform in [−1, 1), SplitMix64 of (seed, element).
  static func draws(_ seed: Int, _ count: Int) -> [Double] {
    (0..<count).map { element in
      var z = UInt64(element + 1) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(seed) &* 0xD134_2543_DE82_EF95
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Double((z ^ (z >> 31)) >> 40) / 0x1p23 - 1
    }
  }

  /// The script's `drawn_value`, over and over in a period of 4093.
  private static func fill(_ parameter: Parameter, seed: Int) {
    let (scale, offset) = scaleAndOffset(parameter)
    let values = draws(seed, min(parameter.count, 4093)).map { Float(offset + scale * $0) }
    for start in stride(from: 0, to: parameter.count, by: 4093) {
      (parameter.value + start).update(from: values, count: min(4093, parameter.count - start))
    }
  }

  /// The script's `sampled`: [‖g‖, g at 64 drawn elements].
  static func sampled(_ parameter: Parameter, seed: Int) -> [Double] {
    let gradient = UnsafeBufferPointer(start: parameter.gradient, count: parameter.count)
    let places = draws(seed + 20_000, 64).map { Int(($0 + 1) / 2 * Double(parameter.count)) }
    let length = sumOfSquares(gradient.baseAddress!, count: parameter.count).squareRoot()
    return [length] + places.map { Double(gradient[$0]) }
  }

  private static func scaleAndOffset(_ parameter: Parameter) -> (scale: Double, offset: Double) {
    let (name, shape) = (parameter.name, parameter.shape)
    if name.hasSuffix("num_batches_tracked") { return (0, 0) }
    if name.hasSuffix("running_var") { return (0.2, 1) }
    if shape.count == 1 {
      guard name.hasSuffix("weight") else { return (0.1, 0) }
      return name.contains("bn3") ? (0.06, 0.3) : (0.2, 1)
    }
    let fanIn = Double(parameter.count / shape[0])
    return ((3 / fanIn).squareRoot() * (shape.count == 4 ? 2 : 1).squareRoot(), 0)
  }

  func features(_ pass: TowerPass, pictures: Range<Int>? = nil) throws -> [Float] {
    let pictures = pictures ?? 0..<batch
    var features = unwritten(Float.self, pictures.count * embedDim)
    try images.withUnsafeBufferPointer {
      let all = ImageBatch($0.baseAddress!, count: batch, height: height, width: width)
      try tower.forward(all.slice(pictures), into: &features, pass)
    }
    return features
  }

  /// A training pass and its backward for the loss Σ features · probe; gradients are added to the arena's.
  func step(
    _ arena: Arena, pictures: Range<Int>? = nil, sumOverRanks: SumOverRanks? = nil,
    gradientsReady: (_ end: Int) -> Void = { _ in }
  ) throws -> [Float] {
    try arena.scratch {
      let features = try features(
        TowerPass(.training, arena, sumOverRanks: sumOverRanks), pictures: pictures)
      let start = (pictures?.lowerBound ?? 0) * embedDim
      try tower.backward(Array(probe[start..<start + features.count]), gradientsReady: gradientsReady)
      return features
    }
  }

  func gradient(_ parameter: Parameter) -> [Double] {
    (0..<parameter.count).map { Double(parameter.gradient[$0]) }
  }

  func values(_ parameter: Parameter) -> [Double] {
    (0..<parameter.count).map { Double(parameter.value[$0]) }
  }
}
