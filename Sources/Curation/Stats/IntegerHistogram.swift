/// Counts of whole numbers from 0 on, in bounded memory: exact below 1,024, to within 0.2 % above.
///
/// Everything kept is a whole number, so that the sum of several histograms is the same in any order.
package struct IntegerHistogram: Codable, Equatable, Sendable {
  /// Buckets an octave: values of more bits than fit lose their lowest ones.
  private static let bucketBits = 9

  private var counts: [Int: Int] = [:]
  package private(set) var count = 0
  package private(set) var sum = 0
  /// 0 without values.
  package private(set) var minimum = 0
  package private(set) var maximum = 0

  package init() {}

  package mutating func add(_ value: Int, times: Int = 1) {
    precondition(value >= 0 && times > 0, "\(times) × \(value)")
    minimum = count == 0 ? value : min(minimum, value)
    maximum = max(maximum, value)
    count += times
    sum += value * times
    counts[Self.bucket(of: value), default: 0] += times
  }

  package mutating func merge(_ other: IntegerHistogram) {
    guard other.count > 0 else { return }
    minimum = count == 0 ? other.minimum : min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    count += other.count
    sum += other.sum
    counts.merge(other.counts, uniquingKeysWith: +)
  }

  /// NaN without values.
  package var mean: Double { Double(sum) / Double(count) }

  /// Each value, its bucket's lowest, and how often it occurs; in ascending order.
  package var values: [(value: Int, count: Int)] {
    counts.sorted { $0.key < $1.key }.map { (max(minimum, Self.lowest(inBucket: $0.key)), $0.value) }
  }

  /// The smallest value that at least the share `share` of all values does not exceed; 0 without values.
  package func quantile(_ share: Double) -> Int {
    let wanted = max(1, Int((share * Double(count)).rounded(.up)))
    var seen = 0
    for (value, count) in values {
      seen += count
      if seen >= wanted { return value }
    }
    return maximum
  }

  /// How many values are larger than `limit`.
  package func countAbove(_ limit: Int) -> Int {
    counts.reduce(0) { $0 + (Self.lowest(inBucket: $1.key) > limit ? $1.value : 0) }
  }

  private static func bucket(of value: Int) -> Int {
    let shift = max(0, Int.bitWidth - value.leadingZeroBitCount - bucketBits - 1)
    return shift << bucketBits + value >> shift
  }

  private static func lowest(inBucket bucket: Int) -> Int {
    let shift = max(0, bucket >> bucketBits - 1)
    return (bucket - shift << bucketBits) << shift
  }
}
