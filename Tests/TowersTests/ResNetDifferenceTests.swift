import Kernels
import TestSupport
import Testing
import Towers

@Suite("Finite differences of whole convolutional towers")
struct ResNetDifferenceTests {
  /// A loss that is linear in what the tower gives, and the tower's own gradients of it.
  private struct Probe {
    let test: ResNetCase<Float>
    let arena: Arena
    let ofGrid: Bool
    /// For each value of the grid.
    let gridProbe: [Float]

    init(
      _ model: String, freezing: Freezing = .none, ofGrid: Bool = false, pictures: [Int]? = nil
    ) throws {
      test = try ResNetCase(model, freezing: freezing, pictures: pictures)
      (arena, self.ofGrid) = (try testArena(), ofGrid)
      gridProbe = seededFloats(4096, seed: 1)
    }

    private func grid(_ mode: PassMode) throws -> (FeatureGrid<Float>, count: Int) {
      try test.images.withUnsafeBufferPointer {
        let images = ImageBatch($0.baseAddress!, count: test.batch, height: test.height, width: test.width)
        let grid = try test.tower.forwardGridOfFloats(images, TowerPass(mode, arena))
        return (grid, test.batch * grid.height * grid.width * grid.columns)
      }
    }

    /// By the batch's statistics, which training differentiates.
    func loss() throws -> Double {
      try arena.scratch {
        guard ofGrid else {
          let features = try test.features(TowerPass(.rehearsal, arena))
          return Reference.dot(doubles(features), doubles(test.probe))
        }
        let (grid, count) = try grid(.rehearsal)
        return (0..<count).reduce(0) { $0 + Double(grid.rows[$1]) * Double(gridProbe[$1]) }
      }
    }

    func backward() throws {
      guard ofGrid else { return _ = try test.step(arena) }
      try arena.scratch {
        _ = try grid(.training)
        try test.tower.backwardGridOfFloats(gridProbe)
      }
    }

    func slope(of parameter: Parameter, along direction: [Double], step: Double) throws -> Double {
      let start = (0..<parameter.count).map { parameter.value[$0] }
      func loss(at t: Double) throws -> Double {
        for i in start.indices { parameter.value[i] = start[i] + Float(t * direction[i]) }
        test.tower.refresh(training: true)
        return try self.loss()
      }
      let difference = try loss(at: step) - loss(at: -step)
      parameter.value.update(from: start, count: start.count)
      return difference / (2 * step)
    }

    /// The derivative along a parameter's gradient is that gradient's length, by one of some steps: a ReLU that changes
    /// sides on the way spoils the difference of a long one, rounding (to which `floor` is owed) that of a short one.
    func check(
      steps: [Double], tolerance: Double, floor: Double, of parts: [String] = [""]
    ) throws -> [String] {
      try backward()
      var problems: [String] = []
      for parameter in test.parameters.parameters
      where parameter.isTrainable && parts.contains(where: { parameter.name.hasPrefix("visual.\($0)") }) {
        let gradient = test.gradient(parameter)
        let length = norm(gradient)
        guard length.isFinite else { return ["\(parameter.name): \(length)"] }
        guard length > 0 else {
          problems += isAfterGrid(parameter) ? [] : ["\(parameter.name): no gradient"]
          continue
        }
        let slopes = try steps.map {
          try slope(of: parameter, along: gradient.map { $0 / length }, step: $0)
        }
        if !slopes.contains(where: { abs($0 - length) <= tolerance * length + floor }) {
          problems.append("\(parameter.name): \(slopes), expected \(length)")
        }
      }
      return problems
    }

    private func isAfterGrid(_ parameter: Parameter) -> Bool {
      ofGrid && (parameter.name.contains("attnpool") || parameter.name.contains(".fc."))
    }
  }

  @Test(
    "along every parameter's gradient: steps 1e-3 to 1e-4, tolerance 5e-2, floor 1e-3",
    arguments: ResNetParityTests.tiny,
    [Freezing.none, .blocks(1), .blocks(3), .blocks(9), .body])
  func features(_ model: String, _ freezing: Freezing) throws {
    let problems = try Probe(model, freezing: freezing).check(
      steps: [1e-3, 3e-4, 1e-4], tolerance: 5e-2, floor: 1e-3)
    #expect(problems.isEmpty)
  }

  /// Only what can depend on the size of the last map: below, so many more places make ReLUs change sides at any step.
  @Test(
    "pictures of 96 × 64: steps 1e-3 to 1e-4, tolerance 5e-2, floor 1e-3", arguments: ResNetParityTests.tiny)
  func otherSize(_ model: String) throws {
    let problems = try Probe(model, pictures: [2, 96, 64]).check(
      steps: [1e-3, 3e-4, 1e-4], tolerance: 5e-2, floor: 1e-3, of: ["layer4", "attnpool", "fc"])
    #expect(problems.isEmpty)
  }

  @Test(
    "of the grid: steps 1e-3 to 1e-4, tolerance 5e-2, floor 1e-3", arguments: ResNetParityTests.tiny,
    [Freezing.none, .blocks(3)])
  func grid(_ model: String, _ freezing: Freezing) throws {
    let problems = try Probe(model, freezing: freezing, ofGrid: true).check(
      steps: [1e-3, 3e-4, 1e-4], tolerance: 5e-2, floor: 1e-3)
    #expect(problems.isEmpty)
  }
}

extension ImageTower {
  /// The grid of a tower that is known to compute in 32-bit floats.
  fileprivate func forwardGridOfFloats(_ images: ImageBatch, _ pass: TowerPass) throws -> FeatureGrid<Float> {
    let grid = try forwardGrid(images, pass)
    let rows = UnsafeMutableRawPointer(grid.rows).assumingMemoryBound(to: Float.self)
    return FeatureGrid(rows: rows, height: grid.height, width: grid.width, columns: grid.columns)
  }

  fileprivate func backwardGridOfFloats(_ dRows: [Float]) throws {
    try dRows.withUnsafeBytes {
      try backwardGrid($0.assumingMemoryBound(to: Scalar.self).baseAddress!) { _ in }
    }
  }
}
