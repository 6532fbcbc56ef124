/// One number over the steps of a run, in bounded memory: when it is full, every two neighbours become their mean.
package struct Curve: Sendable {
  package struct Point: Sendable, Equatable {
    package var step: Int
    package var value: Double
  }

  /// The last step, exactly as it was added; its value need not be finite.
  package private(set) var newest: Point?
  private var points: [Point] = []
  /// Values that become one point.
  private var binSize = 1
  private var binSum = 0.0
  private var binCount = 0
  private let capacity: Int

  /// - Parameter capacity: points that are kept; even.
  package init(capacity: Int = 2000) {
    precondition(capacity >= 2 && capacity.isMultiple(of: 2))
    self.capacity = capacity
  }

  /// Values that are not finite are seen in `newest` alone. A step that does not come after the newest begins anew from
  /// there: what was known of it and of later ones is dropped.
  package mutating func add(step: Int, value: Double) {
    if let newest, step <= newest.step { drop(from: step) }
    newest = Point(step: step, value: value)
    guard value.isFinite else { return }
    binSum += value
    binCount += 1
    guard binCount == binSize else { return }
    points.append(Point(step: step, value: binSum / Double(binCount)))
    (binSum, binCount) = (0, 0)
    if points.count == capacity { halve() }
  }

  /// Points after a step, in order, the newest value last and exact.
  package func points(after step: Int) -> [Point] {
    let first = points.partitioningIndex { $0.step > step }
    var result = Array(points[first...])
    guard let newest, newest.step > step, newest.value.isFinite else { return result }
    if result.last?.step == newest.step { result.removeLast() }
    result.append(newest)
    return result
  }

  private mutating func drop(from step: Int) {
    points.removeSubrange(points.partitioningIndex { $0.step >= step }...)
    (binSum, binCount) = (0, 0)
  }

  /// A point stands at the last step that it is the mean of.
  private mutating func halve() {
    points = stride(from: 0, to: points.count, by: 2).map { index in
      let (left, right) = (points[index], points[index + 1])
      return Point(step: right.step, value: left.value / 2 + right.value / 2)
    }
    binSize *= 2
  }
}

extension Array {
  /// The first index whose element, and that of all later ones, answers yes; they must be in that order.
  fileprivate func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
