import Kernels

/// A vision transformer's learned positions, [1 + P, W]: the class token's, then a square grid's, read at any grid.
final class PatchPositions<S: ComputeScalar> {
  private let table: Parameter
  private let side: Int
  private let width: Int
  private var interpolations: [SIMD2<Int>: PositionInterpolation] = [:]

  /// - Parameter side: rows and columns of the learned grid.
  init(_ registry: ParameterRegistry, name: String, side: Int, width: Int, std: Float) {
    (self.side, self.width) = (side, width)
    table = registry.add(name, [1 + side * side, width], decays: false, .normal(std: std))
  }

  /// The positions [1 + cells, W] of a grid: the parameter itself, or a copy in the arena for another grid.
  func values(_ layout: PatchLayout, _ arena: Arena) -> UnsafePointer<Float> {
    guard let interpolation = interpolation(layout) else { return UnsafePointer(table.value) }
    let values = arena.allocate(Float.self, (1 + interpolation.rows) * width)
    values.update(from: table.value, count: width)
    interpolation.forward(table.value + width, into: values + width, columns: width)
    return UnsafePointer(values)
  }

  /// `body` adds the gradient of `values` to what it is given; the parameter's accumulates (+=).
  func backward(_ layout: PatchLayout, _ arena: Arena, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    guard let interpolation = interpolation(layout) else { return body(table.gradient) }
    arena.scratch {
      let dValues = arena.allocateZeroed(Float.self, (1 + interpolation.rows) * width)
      body(dValues)
      addInPlace(dValues, to: table.gradient, count: width)
      interpolation.backward(dValues + width, into: table.gradient + width, columns: width)
    }
  }

  /// Nil for the learned grid.
  private func interpolation(_ layout: PatchLayout) -> PositionInterpolation? {
    guard layout.gridHeight != side || layout.gridWidth != side else { return nil }
    let grid = SIMD2(layout.gridHeight, layout.gridWidth)
    if let known = interpolations[grid] { return known }
    let new = PositionInterpolation(
      side: side, gridHeight: layout.gridHeight, gridWidth: layout.gridWidth)
    interpolations[grid] = new
    return new
  }
}
