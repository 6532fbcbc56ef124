import Kernels
import TestSupport
import Testing

@Suite("The AdamW and Adam kernels")
struct AdamWKernelTests {
  @Test("three steps", arguments: [0, 1, 7, 33, 768, 1009], [0.0, 0.2])
  func steps(_ count: Int, _ weightDecay: Double) {
    check(count, weightDecay, fast: adamWUpdate, slow: Reference.adamWUpdate)
    check(count, weightDecay, fast: adamUpdate, slow: Reference.adamUpdate)
  }

  private typealias Fast = (
    UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>,
    UnsafeMutablePointer<Float>, Int, AdamWStep
  ) -> Void
  private typealias Slow = (inout [Double], [Double], inout [Double], inout [Double], AdamWStep) -> Void

  private func check(_ count: Int, _ weightDecay: Double, fast rule: Fast, slow reference: Slow) {
    var fast = (w: seededFloats(count, seed: 1), m: [Float](repeating: 0, count: count), v: [Float]())
    fast.v = fast.m
    var slow = (w: doubles(fast.w), m: doubles(fast.m), v: doubles(fast.v))
    for number in 1...3 {
      let gradients = seededFloats(count, seed: UInt64(number + 1))
      let step = AdamWStep(
        lr: 1e-2, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: weightDecay, gradientScale: 0.5,
        step: number)
      rule(&fast.w, gradients, &fast.m, &fast.v, count, step)
      reference(&slow.w, doubles(gradients), &slow.m, &slow.v, step)
    }
    #expect(mismatch(fast.w, slow.w, tolerance: 1e-6) == nil)
    #expect(mismatch(fast.m, slow.m, tolerance: 1e-6) == nil)
    #expect(mismatch(fast.v, slow.v, tolerance: 1e-6) == nil)
  }

  @Test("the sum of update ratios", arguments: [0, 1, 7, 1023, 1025, 70_001], [1e-6, 0.5])
  func ratios(_ count: Int, _ eps: Double) {
    let (gradients, moments) = (seededFloats(count, seed: 1), seededFloats(count, seed: 2).map { $0 * $0 })
    let step = AdamWStep(
      lr: 1, beta1: 0.9, beta2: 0.98, eps: eps, weightDecay: 0, gradientScale: 0.5, step: 3)
    let fast = updateRatioSum(gradients: gradients, v: moments, count: count, step)
    let slow = Reference.updateRatioSum(gradients: doubles(gradients), v: doubles(moments), step)
    #expect(abs(fast - slow) <= 1e-5 * slow)
  }

  @Test("no gradient and no decay leave the weight alone")
  func still() {
    var (w, m, v): ([Float], [Float], [Float]) = ([1, -2], [0, 0], [0, 0])
    let step = AdamWStep(
      lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, gradientScale: 1, step: 1)
    adamWUpdate(&w, gradients: [0, 0], m: &m, v: &v, count: 2, step)
    #expect(w == [1, -2])
  }
}
