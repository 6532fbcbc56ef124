import Charts
import Foundation

/// A linear or logarithmic axis with round ticks.
struct ChartAxis {
  let range: ClosedRange<Double>
  let isLogarithmic: Bool
  let ticks: [Double]

  /// Drawn values stay within, so that differences of two are finite.
  private static let limit = 1e300

  /// Of whole steps.
  init(steps: ClosedRange<Int>) {
    range = Double(steps.lowerBound)...Double(max(steps.upperBound, steps.lowerBound + 1))
    isLogarithmic = false
    let step = max(1, AxisTicks.roundStep(atLeast: (range.upperBound - range.lowerBound) / 5))
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    ticks = stride(from: first * step, through: range.upperBound, by: step).map { $0 }
  }

  /// Of values that need not be different. Logarithmic where all are above 0 and the largest is far above most.
  init(values: [Double], fromZero: Bool) {
    let values = values.map { min(max($0, -Self.limit), Self.limit) }.sorted()
    var (low, high) = (values.first ?? 0, values.last ?? 1)
    if low > 0, high > 20 * values[values.count / 2] {
      isLogarithmic = true
      range = low...high
      ticks = AxisTicks.logarithmic(range, count: 6)
      return
    }
    isLogarithmic = false
    if fromZero { (low, high) = (min(0, low), max(0, high)) }
    if high - low <= 1e-9 * max(abs(low), abs(high)) {
      let room = low == 0 ? 1 : abs(low) * 0.1
      (low, high) = (low >= 0 && fromZero ? 0 : low - room, high + room)
    }
    let step = AxisTicks.roundStep(atLeast: (high - low) / 5)
    range = (low / step + 1e-9).rounded(.down) * step...(high / step - 1e-9).rounded(.up) * step
    ticks = AxisTicks.linear(range, count: 6)
  }

  /// 0 at the axis' beginning, 1 at its end; values beyond are at its ends.
  func position(of value: Double) -> Double {
    let share =
      isLogarithmic
      ? log(max(value, range.lowerBound) / range.lowerBound) / log(range.upperBound / range.lowerBound)
      : (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return min(max(share, 0), 1)
  }

  /// As short as they can be told apart.
  var labels: [String] {
    let short = ticks.map(AxisTicks.label)
    return Set(short).count == short.count ? short : ticks.map { String(format: "%.8g", $0) }
  }
}
