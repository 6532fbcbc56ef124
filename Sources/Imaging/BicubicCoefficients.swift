internal import CImageKernels

/// What part of an axis is resized to how many samples, and which of those are wanted.
struct ResampledAxis: Equatable {
  /// Where the part begins, in source samples; a fraction where a picture was shrunk while it was decoded.
  var start: Double
  var length: Double
  /// The source samples that may be read: those beyond have no influence.
  var limits: Range<Int>
  /// Samples that the whole part becomes.
  var outputSize: Int
  /// Those of them that are computed.
  var outputs: Range<Int>

  /// All of `size` samples, from `start` on, resized to `outputSize`.
  init(start: Int = 0, size: Int, outputSize: Int) {
    self.init(
      start: Double(start), length: Double(size), limits: start..<(start + size), outputSize: outputSize,
      outputs: 0..<outputSize)
  }

  init(start: Double, length: Double, limits: Range<Int>, outputSize: Int, outputs: Range<Int>) {
    precondition(length > 0 && outputSize > 0 && !limits.isEmpty && !outputs.isEmpty)
    precondition(outputs.lowerBound >= 0 && outputs.upperBound <= outputSize)
    self.start = start
    self.length = length
    self.limits = limits
    self.outputSize = outputSize
    self.outputs = outputs
  }

  /// Whether resizing would change nothing.
  var isIdentity: Bool { length == Double(outputSize) && start.rounded() == start }
}

/// The weights of one resampling pass along one axis: which source samples make each output sample.
///
/// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` (libImaging/Resample.c), operation for operation,
/// so that the fixed-point weights are the same integers. The memory is used again for the next axis.
final class BicubicCoefficients {
  /// 8 bits of sample and 2 bits of overshoot leave 22 of 32 for the weight's fraction.
  static let precisionBits: Int32 = 32 - 8 - 2

  private let starts = ScratchMemory<Int32>()
  private let counts = ScratchMemory<Int32>()
  private let weights = ScratchMemory<Int32>()
  private let row = ScratchMemory<Double>()
  private(set) var stride = 0
  private(set) var outputCount = 0
  /// The source samples that have any weight.
  private(set) var sources = 0..<0

  /// Fills in the weights for `axis`; starts count from `sources.lowerBound`.
  func compute(_ axis: ResampledAxis) {
    let scale = axis.length / Double(axis.outputSize)
    // Shrinking widens the filter, which is what keeps fine detail from aliasing.
    let filterScale = max(scale, 1)
    let support = 2 * filterScale
    stride = Int(support.rounded(.up)) * 2 + 1
    outputCount = axis.outputs.count
    let starts = starts.reserve(outputCount)
    let counts = counts.reserve(outputCount)
    let weights = weights.reserve(outputCount * stride)
    let row = row.reserve(stride)
    for (index, output) in axis.outputs.enumerated() {
      let centre = axis.start + (Double(output) + 0.5) * scale
      let start = max(axis.limits.lowerBound, Int(centre - support + 0.5))
      let count = min(axis.limits.upperBound, Int(centre + support + 0.5)) - start
      let inverseScale = 1 / filterScale
      var sum = 0.0
      for tap in 0..<count {
        row[tap] = Self.bicubic((Double(tap + start) - centre + 0.5) * inverseScale)
        sum += row[tap]
      }
      for tap in 0..<count {
        weights[index * stride + tap] = Self.fixedPoint(sum != 0 ? row[tap] / sum : row[tap])
      }
      starts[index] = Int32(start)
      counts[index] = Int32(count)
    }
    shiftStarts(starts, counts)
  }

  private func shiftStarts(_ starts: UnsafeMutablePointer<Int32>, _ counts: UnsafeMutablePointer<Int32>) {
    let first = starts[0]
    sources = Int(first)..<Int(starts[outputCount - 1] + counts[outputCount - 1])
    for index in 0..<outputCount { starts[index] -= first }
  }

  var taps: KelipTaps {
    KelipTaps(
      starts: starts.base, counts: counts.base, weights: weights.base, stride: Int64(stride),
      outputs: Int64(outputCount))
  }

  /// Keys' cubic kernel with a = −0.5.
  @inline(__always)
  private static func bicubic(_ distance: Double) -> Double {
    let a = -0.5
    let x = abs(distance)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  @inline(__always)
  private static func fixedPoint(_ weight: Double) -> Int32 {
    let scaled = weight * Double(Int32(1) << precisionBits)
    return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
  }
}
