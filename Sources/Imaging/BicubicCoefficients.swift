/// The weights of one resampling pass along one axis: which source samples make each output sample.
///
/// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` (libImaging/Resample.c), operation for operation,
/// so that the fixed-point weights are the same integers.
struct BicubicCoefficients {
  /// 8 bits of sample and 2 bits of overshoot leave 22 of 32 for the weight's fraction.
  static let precisionBits: Int32 = 32 - 8 - 2

  /// Weights reserved for each output sample.
  let stride: Int
  /// First source sample, and how many, of each output sample.
  private(set) var starts: [Int]
  private(set) var counts: [Int]
  /// outputs × stride, in units of 2^-22; a sample's weights sum to about 2^22.
  private(set) var weights: [Int32]

  init(inputSize: Int, outputSize: Int) {
    precondition(inputSize > 0 && outputSize > 0)
    let scale = Double(inputSize) / Double(outputSize)
    // Shrinking widens the filter, which is what keeps fine detail from aliasing.
    let filterScale = max(scale, 1)
    let support = 2 * filterScale
    stride = Int(support.rounded(.up)) * 2 + 1
    starts = []
    counts = []
    weights = [Int32](repeating: 0, count: outputSize * stride)
    var row = [Double](repeating: 0, count: stride)
    for output in 0..<outputSize {
      let centre = (Double(output) + 0.5) * scale
      let start = max(0, Int(centre - support + 0.5))
      let count = min(inputSize, Int(centre + support + 0.5)) - start
      let inverseScale = 1 / filterScale
      var sum = 0.0
      for tap in 0..<count {
        row[tap] = Self.bicubic((Double(tap + start) - centre + 0.5) * inverseScale)
        sum += row[tap]
      }
      for tap in 0..<count {
        weights[output * stride + tap] = Self.fixedPoint(sum != 0 ? row[tap] / sum : row[tap])
      }
      starts.append(start)
      counts.append(count)
    }
  }

  /// Keys' cubic kernel with a = −0.5.
  private static func bicubic(_ distance: Double) -> Double {
    let a = -0.5
    let x = abs(distance)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  private static func fixedPoint(_ weight: Double) -> Int32 {
    let scaled = weight * Double(Int32(1) << precisionBits)
    return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
  }
}
