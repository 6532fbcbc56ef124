/// Named points with their spread: one quantity against another.
package struct ScatterPanel: Sendable, Equatable {
  package struct Point: Sendable, Equatable {
    package var label: String
    package var x: Value
    package var y: Value

    package init(_ label: String, x: Value, y: Value) { (self.label, self.x, self.y) = (label, x, y) }
  }

  /// A mean, and how far the values lie from it.
  package struct Value: Sendable, Equatable {
    package var mean: Double
    /// Drawn to both sides; 0 for nothing.
    package var deviation: Double

    package init(_ mean: Double, deviation: Double = 0) {
      precondition(mean.isFinite && deviation.isFinite && deviation >= 0, "a value that is no number")
      (self.mean, self.deviation) = (mean, deviation)
    }
  }

  package var title: String
  /// Beneath the plot, with the unit.
  package var xAxis: String
  /// Beneath the title, since letters stand upright.
  package var yAxis: String
  package var points: [Point]

  package init(title: String, xAxis: String, yAxis: String, points: [Point]) {
    (self.title, self.xAxis, self.yAxis, self.points) = (title, xAxis, yAxis, points)
  }
}
