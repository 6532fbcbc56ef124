import Foundation

/// Round numbers along an axis.
package enum AxisTicks {
  /// The smallest of 1, 2 or 5 times a power of ten that is at least `width`.
  package static func roundStep(atLeast width: Double) -> Double {
    guard width.isFinite, width > 0 else { return 1 }
    let power = pow(10, floor(log10(width)))
    // A width that is a round number but for rounding errors is that number.
    for factor in [1.0, 2, 5] where factor * power >= width * (1 - 1e-9) { return factor * power }
    return 10 * power
  }

  /// Multiples of a round step within `range`, at most `count` and one.
  package static func linear(_ range: ClosedRange<Double>, count: Int) -> [Double] {
    let step = roundStep(atLeast: (range.upperBound - range.lowerBound) / Double(max(1, count)))
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    guard first <= last else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// Powers of ten within `range`; where these are few also their twofold and fivefold, or every multiple.
  package static func logarithmic(_ range: ClosedRange<Double>, count: Int) -> [Double] {
    let decades = Int(floor(log10(range.lowerBound)))...Int(ceil(log10(range.upperBound)))
    let few = range.lowerBound * (1 - 1e-9)...range.upperBound * (1 + 1e-9)
    func ticks(_ factors: [Double]) -> [Double] {
      decades.flatMap { decade in factors.map { $0 * pow(10, Double(decade)) } }.filter(few.contains)
    }
    let usual = [[1, 2, 5], [1, 3], [1]].map(ticks)
    // Within less than a decade these are too few to read the scale by.
    let candidates = usual[0].count < 3 ? [ticks((1...9).map(Double.init))] + usual : usual
    if let fitting = candidates.first(where: { $0.count <= max(2, count) }) { return fitting }
    let powers = usual[2]
    let every = (powers.count + count - 1) / max(1, count)
    return powers.enumerated().filter { $0.offset.isMultiple(of: every) }.map(\.element)
  }

  /// 1500 → 1.5k, 20000000 → 20M; at most four significant digits.
  package static func label(_ value: Double) -> String {
    let units: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
    for (size, suffix) in units where abs(value) >= size * (1 - 1e-9) {
      return String(format: "%.4g", value / size) + suffix
    }
    return String(format: "%.4g", abs(value) < 1e-12 ? 0 : value)
  }
}
