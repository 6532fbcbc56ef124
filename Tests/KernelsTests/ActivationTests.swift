import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Activations")
struct ActivationTests {
  static let kinds = [Activation.quickGELU, .gelu]
  static let counts = [0, 1, 7, 33, 768, 1009]

  @Test("forward and backward", arguments: kinds, Precision.allCases)
  func paths(_ kind: Activation, _ precision: Precision) {
    for count in Self.counts { paths(precision.storage, kind, count) }
  }

  private func paths<S: ComputeScalar>(_: S.Type, _ kind: Activation, _ count: Int) {
    let (x, dy) = (Values<S>(count, seed: 1, scale: 3), Values<S>(count, seed: 2))
    var (y, dx) = (unwritten(S.self, count), unwritten(S.self, count))
    activationForward(kind, x.stored, into: &y, count: count)
    activationBackward(kind, dy.stored, x: x.stored, into: &dx, count: count)
    let bound = tolerance(S.self, fp32: 2e-6, bf16: 4e-3)
    #expect(mismatch(y, Reference.activationForward(kind, x.exact), tolerance: bound) == nil)
    #expect(mismatch(dx, Reference.activationBackward(kind, dy.exact, x: x.exact), tolerance: bound) == nil)
  }

  @Test("backward in place", arguments: kinds, Precision.allCases)
  func inPlace(_ kind: Activation, _ precision: Precision) { inPlace(precision.storage, kind) }

  private func inPlace<S: ComputeScalar>(_: S.Type, _ kind: Activation) {
    let (x, dy) = (Values<S>(97, seed: 1), Values<S>(97, seed: 2))
    var (apart, together) = (unwritten(S.self, 97), dy.stored)
    activationBackward(kind, dy.stored, x: x.stored, into: &apart, count: 97)
    together.withUnsafeMutableBufferPointer {
      let memory = $0.baseAddress!
      activationBackward(kind, UnsafePointer(memory), x: x.stored, into: memory, count: 97)
    }
    #expect(apart.map(\.float) == together.map(\.float))
  }

  @Test("far from zero: 0 below, the identity above, slopes 0 and 1", arguments: kinds)
  func tails(_ kind: Activation) {
    let x: [Float] = [-1e30, -1000, -60, 60, 1000, 1e30]
    var (y, dx) = (unwritten(Float.self, 6), unwritten(Float.self, 6))
    activationForward(kind, x, into: &y, count: 6)
    activationBackward(kind, [Float](repeating: 1, count: 6), x: x, into: &dx, count: 6)
    #expect(y[3...] == x[3...])
    #expect(dx[3...].allSatisfy { $0 == 1 })
    // σ's exponential is capped, so that what remains below zero is x · 4e-39.
    #expect(y[..<3].allSatisfy { abs($0) < 1e-8 })
    #expect(dx[..<3].allSatisfy { abs($0) < 1e-8 })
  }

  @Test("NaN passes through", arguments: kinds, Precision.allCases)
  func poison(_ kind: Activation, _ precision: Precision) { poison(precision.storage, kind) }

  private func poison<S: ComputeScalar>(_: S.Type, _ kind: Activation) {
    var x = Values<S>(40, seed: 1).stored
    (x[3], x[39]) = (S(rounding: .nan), S(rounding: .nan))
    var y = x
    activationForward(kind, x, into: &y, count: 40)
    #expect(y.indices.filter { y[$0].float.isNaN } == [3, 39])
  }

  @Test("finite differences: step 1e-5, tolerance 1e-8", arguments: kinds)
  func finiteDifferences(_ kind: Activation) {
    let (x, dy) = (seededDoubles(50, seed: 1, scale: 3), seededDoubles(50, seed: 2))
    let numeric = TestSupport.finiteDifferences(of: x, step: 1e-5) {
      Reference.dot(dy, Reference.activationForward(kind, $0))
    }
    #expect(mismatch(Reference.activationBackward(kind, dy, x: x), numeric, tolerance: 1e-8) == nil)
  }
}
