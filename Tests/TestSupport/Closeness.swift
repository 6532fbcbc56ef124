import Kernels

/// Nil when `actual` is close to `expected`, else what is wrong, for `#expect(mismatch(…) == nil)`.
///
/// Finiteness comes first. Then every element's error must be within `tolerance` times the larger of the expected
/// element and the expected root mean square: sums that cancel are judged by the size of what was summed.
package func mismatch(_ actual: [Double], _ expected: [Double], tolerance: Double) -> String? {
  if let problem = shapeOrFiniteness(actual, expected) { return problem }
  let rms = norm(expected) / Double(max(1, expected.count)).squareRoot()
  var worst = (index: 0, error: 0.0)
  for i in actual.indices {
    let error = abs(actual[i] - expected[i])
    let relative = error == 0 ? 0 : error / max(abs(expected[i]), rms)
    if relative > worst.error { worst = (i, relative) }
  }
  guard worst.error > tolerance else { return nil }
  let (a, e) = (actual[worst.index], expected[worst.index])
  return
    "element \(worst.index) of \(actual.count) is \(a), expected \(e): off by \(worst.error) > \(tolerance)"
}

package func mismatch<S: ComputeScalar>(
  _ actual: [S], _ expected: [Double], tolerance: Double
) -> String? {
  mismatch(doubles(actual), expected, tolerance: tolerance)
}

/// The same by norms: ‖actual − expected‖ ≤ tolerance · ‖expected‖ + `floor`.
package func normMismatch(
  _ actual: [Double], _ expected: [Double], tolerance: Double, floor: Double = 0
) -> String? {
  if let problem = shapeOrFiniteness(actual, expected) { return problem }
  let error = norm(zip(actual, expected).map(-))
  guard error > tolerance * norm(expected) + floor else { return nil }
  return "‖error‖ \(error) of ‖expected‖ \(norm(expected)): over \(tolerance) + \(floor)"
}

package func norm(_ values: [Double]) -> Double {
  values.reduce(0) { $0 + $1 * $1 }.squareRoot()
}

private func shapeOrFiniteness(_ actual: [Double], _ expected: [Double]) -> String? {
  if actual.count != expected.count { return "\(actual.count) elements, expected \(expected.count)" }
  if let i = expected.firstIndex(where: { !$0.isFinite }) { return "expected[\(i)] is \(expected[i])" }
  if let i = actual.firstIndex(where: { !$0.isFinite }) { return "element \(i) is \(actual[i])" }
  return nil
}
