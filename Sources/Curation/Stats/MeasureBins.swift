import Basics
import Charts
import Foundation

/// Bins that show where nearly all values of a measure lie.
struct MeasureBins {
  private static let binCount = 40
  /// The share of values at either end that may fall outside of the bins.
  private static let tail = 0.005

  let counts: BinnedCounts

  init(_ measure: DataMeasure, _ histogram: IntegerHistogram) {
    let (low, high) = Self.range(histogram)
    var counts = BinnedCounts(
      Self.bins(measure, low: Double(low) / Double(measure.scale), high: Double(high) / Double(measure.scale))
    )
    for (value, count) in histogram.values { counts.add(Double(value) / Double(measure.scale), times: count) }
    self.counts = counts
  }

  /// All values, but for the tails where these would squeeze the rest.
  private static func range(_ histogram: IntegerHistogram) -> (Int, Int) {
    let low = histogram.quantile(tail)
    let high = histogram.quantile(1 - tail)
    return (
      histogram.minimum > low / 2 ? histogram.minimum : low,
      histogram.maximum < 2 * high ? histogram.maximum : high
    )
  }

  private static func bins(_ measure: DataMeasure, low: Double, high: Double) -> HistogramBins {
    switch measure {
    case .imageAspect:
      // As far below 1 as above it; an odd number of bins puts 1 in the middle of one.
      let reach = max(1.5, high, low > 0 ? min(100, 1 / low) : 100)
      return .logarithmic(from: 1 / reach, to: reach, count: binCount + 1)
    case .imageWidth, .imageHeight, .imagePixels, .imageBytes:
      // Where numbers are small, narrow bins would hold none of them.
      guard low >= 20, high >= 4 * low else { return integers(low, high) }
      return .logarithmic(from: low, to: high, count: binCount)
    case .captionCharacters, .captionTokens, .samplesPerShard: return integers(low, high)
    }
  }

  private static func integers(_ low: Double, _ high: Double) -> HistogramBins {
    // From zero on where that costs little room: lengths are easier to compare so.
    .round(covering: (low < high / 3 ? 0 : low)...high, about: binCount, isInteger: true)
  }

  /// What the bins leave out; empty where that is nothing.
  var outside: String {
    let parts = [(counts.belowCount, "smaller"), (counts.aboveCount, "larger")].filter { $0.0 > 0 }
    return parts.map { "\($0.0.digitGrouped) \($0.1)" }.joined(separator: ", ")
  }
}
