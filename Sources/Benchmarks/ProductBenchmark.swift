import Basics
import Kernels

/// The rate of matrix products of given shapes, each run alone as a linear map's.
package struct ProductBenchmark: Sendable {
  package struct Rate: Sendable {
    package var shape: ProductShape
    /// How often a step runs it.
    package var count: Int
    /// Median of one product.
    package var seconds: Double

    /// All of a step's products of this shape.
    package var totalSeconds: Double { Double(count) * seconds }
    package var totalFlops: Double { Double(count) * shape.flops }
    package var gigaflops: Double { shape.flops / seconds * 1e-9 }
  }

  package struct Result: Sendable {
    /// The one that takes most of a step first.
    package var rates: [Rate]

    /// Operations of all products of a step by the time that they would take: the time-weighted mean.
    package var gigaflops: Double { Self.gigaflops(rates) }

    package func gigaflops(_ kind: ProductShape.Kind) -> Double {
      Self.gigaflops(rates.filter { $0.shape.kind == kind })
    }

    private static func gigaflops(_ rates: [Rate]) -> Double {
      let seconds = rates.reduce(0) { $0 + $1.totalSeconds }
      return seconds > 0 ? rates.reduce(0) { $0 + $1.totalFlops } / seconds * 1e-9 : 0
    }
  }

  /// Time for all shapes together; each gets its part by its share of the operations, and at least a few runs.
  package var seconds: Double

  package init(seconds: Double) { self.seconds = seconds }

  /// - Parameter counts: how often a step runs each shape.
  package func run<S: ComputeScalar>(_ counts: [ProductShape: Int], as _: S.Type) throws -> Result {
    let shapes = counts.keys.filter { $0.flops > 0 }
    let flops = shapes.reduce(0) { $0 + $1.flops * Double(counts[$1]!) }
    let arena = try Arena()
    let rates = shapes.map { shape in
      let share = shape.flops * Double(counts[shape]!) / flops
      return Rate(
        shape: shape, count: counts[shape]!,
        seconds: arena.scratch { median(shape, for: seconds * share, as: S.self, arena) })
    }
    return Result(
      rates: rates.sorted { ($0.totalSeconds, $0.totalFlops) > ($1.totalSeconds, $1.totalFlops) })
  }

  private func median<S: ComputeScalar>(
    _ shape: ProductShape, for seconds: Double, as _: S.Type, _ arena: Arena
  ) -> Double {
    let product = LoneProduct<S>(shape, arena)
    product.run()
    var times: [Double] = []
    let end = monotonicSeconds() + seconds
    repeat {
      let start = monotonicSeconds()
      product.run()
      times.append(monotonicSeconds() - start)
    } while times.count < 3 || monotonicSeconds() < end
    return times.sorted()[times.count / 2]
  }
}

/// A linear map with operands of random numbers, for one of its three products.
final class LoneProduct<S: ComputeScalar> {
  private let shape: ProductShape
  private let arena: Arena
  private let map: LinearMap<S>
  private let bias: UnsafeMutablePointer<Float>
  private let x: UnsafeMutablePointer<S>
  private let y: UnsafeMutablePointer<S>
  private let dWeight: UnsafeMutablePointer<Float>

  init(_ shape: ProductShape, _ arena: Arena) {
    (self.shape, self.arena) = (shape, arena)
    let weight = Self.random(shape.inputs * shape.outputs, arena)
    bias = arena.allocateZeroed(Float.self, shape.outputs)
    dWeight = arena.allocateZeroed(Float.self, shape.inputs * shape.outputs)
    x = arena.allocate(S.self, shape.rows * shape.inputs)
    y = arena.allocate(S.self, shape.rows * shape.outputs)
    for (values, count) in [(x, shape.rows * shape.inputs), (y, shape.rows * shape.outputs)] {
      arena.scratch { convert(Self.random(count, arena), into: values, count: count) }
    }
    map = LinearMap<S>(
      inputs: shape.inputs, outputs: shape.outputs, layout: .outputsByInputs, weight: weight)
    map.refresh()
  }

  func run() {
    switch shape.kind {
    case .forward: map.forward(x, bias: bias, into: y, rows: shape.rows)
    case .dataGradient: map.backwardInput(y, into: x, rows: shape.rows)
    case .weightGradient:
      map.backwardWeight(x, y, into: dWeight, dBias: bias, rows: shape.rows, arena: arena)
    }
  }

  /// Cheap numbers in ±1: no operand is denormal, and sums stay small.
  private static func random(_ count: Int, _ arena: Arena) -> UnsafeMutablePointer<Float> {
    let values = arena.allocate(Float.self, count)
    var state: UInt32 = 12345
    for i in 0..<count {
      state = state &* 1_664_525 &+ 1_013_904_223
      values[i] = Float(Int32(bitPattern: state)) / 2_147_483_648
    }
    return values
  }
}
