import TestSupport
import Testing
import Towers

/// Holds a parameter's gradient against central differences of `loss` along it.
func expectSlope(
  of parameter: Parameter, step: Double, tolerance: Double, _ loss: () throws -> Double
) throws {
  let gradient = (0..<parameter.count).map { Double(parameter.gradient[$0]) }
  let length = norm(gradient)
  try #require(length.isFinite && length > 0, "\(parameter.name)")
  let start = (0..<parameter.count).map { parameter.value[$0] }
  func value(at t: Double) throws -> Double {
    for i in start.indices { parameter.value[i] = start[i] + Float(t * gradient[i] / length) }
    return try loss()
  }
  let slope = try (value(at: step) - value(at: -step)) / (2 * step)
  parameter.value.update(from: start, count: start.count)
  #expect(
    abs(slope - length) <= tolerance * length, "\(parameter.name): slope \(slope), gradient's norm \(length)")
}
