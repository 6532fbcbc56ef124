/// Quantiles of many numbers in bounded memory: exact up to `capacity` of them, then of every second, fourth …
struct Quantiles: Sendable {
  private var list: ThinnedList<Double>

  init(capacity: Int = 1 << 20) { list = ThinnedList(capacity: capacity) }

  var stride: Int { list.stride }

  mutating func add(_ value: Double) { list.add(value) }

  /// The values with the given shares of all below them, between neighbours in proportion; nil where there is none.
  func callAsFunction(_ shares: [Double]) -> [Double]? {
    guard !list.elements.isEmpty else { return nil }
    let sorted = list.elements.sorted()
    return shares.map { share in
      let place = share * Double(sorted.count - 1)
      let low = Int(place)
      let high = min(low + 1, sorted.count - 1)
      return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
    }
  }
}
