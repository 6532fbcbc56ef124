import Foundation
import Imaging

/// Lines through points: how one quantity follows another.
package struct LinePanel: Sendable, Equatable {
  package struct Series: Sendable, Equatable {
    package var label: String
    /// By growing x.
    package var points: [Point]
    /// Drawn in grey and dashes: what would be, not what is.
    package var isReference: Bool

    package init(_ label: String, _ points: [Point], isReference: Bool = false) {
      precondition(zip(points, points.dropFirst()).allSatisfy { $0.x < $1.x }, "points out of order")
      (self.label, self.points, self.isReference) = (label, points, isReference)
    }
  }

  package struct Point: Sendable, Equatable {
    package var x: Double
    package var y: Double

    package init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  package enum Scale: Sendable { case linear, logarithmic }

  package var title: String
  package var note: String
  /// Beneath the plot, with the unit.
  package var xAxis: String
  package var xScale: Scale
  package var yScale: Scale
  /// The part of the y axis that is shown at least; linear axes begin at 0.
  package var yRange: ClosedRange<Double>?
  package var series: [Series]

  package init(
    title: String, note: String = "", xAxis: String, xScale: Scale, yScale: Scale,
    yRange: ClosedRange<Double>? = nil, series: [Series]
  ) {
    let points = series.flatMap(\.points)
    precondition(points.allSatisfy { $0.x.isFinite && $0.y.isFinite }, "a point that is no number")
    precondition(xScale == .linear || points.allSatisfy { $0.x > 0 }, "a logarithm of 0")
    precondition(yScale == .linear || points.allSatisfy { $0.y > 0 }, "a logarithm of 0")
    (self.title, self.note, self.xAxis) = (title, note, xAxis)
    (self.xScale, self.yScale, self.yRange, self.series) = (xScale, yScale, yRange, series)
  }
}

/// A linear or logarithmic axis over some pixels.
struct PlotAxis {
  let scale: LinePanel.Scale
  let range: ClosedRange<Double>

  /// - Parameter values: all lie within the axis.
  init(_ scale: LinePanel.Scale, covering values: [Double]) {
    self.scale = scale
    let (low, high) = (values.min() ?? 1, values.max() ?? 1)
    switch scale {
    case .linear:
      let step = AxisTicks.roundStep(atLeast: max((high - min(0, low)) / 4, 1e-9))
      range = min(0, low)...max(step, (high / step - 1e-9).rounded(.up) * step)
    case .logarithmic: range = low < high ? low...high : (low / 2)...(high * 2)
    }
  }

  /// 0 at the axis' beginning, 1 at its end.
  func position(of value: Double) -> Double {
    switch scale {
    case .linear: (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    case .logarithmic: log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
    }
  }

  func ticks(_ count: Int) -> [Double] {
    switch scale {
    case .linear: AxisTicks.linear(range, count: count)
    case .logarithmic: AxisTicks.logarithmic(range, count: count)
    }
  }
}
