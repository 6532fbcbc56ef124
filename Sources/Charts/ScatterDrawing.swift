import Foundation
import Imaging

/// Draws named points with bars of their spread into their frame. The axes begin where the values do.
struct ScatterDrawing {
  private static let labelSize = 14
  private static let yLabelRoom = 56
  private static let belowPlot = 46
  private static let capLength = 4
  /// Told apart by colour-blind readers too (Okabe and Ito, 2008); names stand beside the points.
  private static let colours = [
    ChartColour.series, ChartColour.threshold, RGBColour(red: 0, green: 158, blue: 115),
    RGBColour(red: 204, green: 121, blue: 167), RGBColour(red: 86, green: 180, blue: 233),
    RGBColour(red: 230, green: 159, blue: 0), ChartColour.text,
  ]

  private let panel: ScatterPanel
  private let frame: Box
  let plot: Box
  private let xRange: ClosedRange<Double>
  private let yRange: ClosedRange<Double>

  init(_ panel: ScatterPanel, _ frame: Box) {
    (self.panel, self.frame) = (panel, frame)
    plot = Box(
      x: frame.x + Self.yLabelRoom, y: frame.y + PanelHeading.height,
      width: frame.width - Self.yLabelRoom - 12,
      height: frame.height - PanelHeading.height - Self.belowPlot)
    xRange = Self.range(panel.points.map(\.x))
    yRange = Self.range(panel.points.map(\.y))
  }

  /// All means and spreads, with a tenth of room on both sides.
  static func range(_ values: [ScatterPanel.Value]) -> ClosedRange<Double> {
    let low = values.map { $0.mean - $0.deviation }.min() ?? 0
    let high = values.map { $0.mean + $0.deviation }.max() ?? 1
    let room = high > low ? 0.1 * (high - low) : max(abs(high) * 0.1, 0.5)
    return (low - room)...(high + room)
  }

  func draw(onto canvas: inout Canvas) {
    PanelHeading(title: panel.title, note: panel.yAxis).draw(in: frame, onto: &canvas)
    drawAxes(onto: &canvas)
    for (index, point) in panel.points.enumerated() { draw(point, colour(index), onto: &canvas) }
    drawLabels(onto: &canvas)
  }

  func place(_ x: Double, _ y: Double) -> (x: Int, y: Int) {
    func part(_ value: Double, _ range: ClosedRange<Double>, _ length: Int) -> Int {
      Int(((value - range.lowerBound) / (range.upperBound - range.lowerBound) * Double(length)).rounded())
    }
    return (plot.x + part(x, xRange, plot.width), plot.y + plot.height - part(y, yRange, plot.height))
  }

  private func colour(_ index: Int) -> RGBColour { Self.colours[index % Self.colours.count] }

  private typealias Place = (x: Int, y: Int)

  /// Where the bars of a point's spread end.
  private func ends(_ point: ScatterPanel.Point) -> (left: Place, right: Place, top: Place, bottom: Place) {
    let (x, y) = (point.x, point.y)
    return (
      place(x.mean - x.deviation, y.mean), place(x.mean + x.deviation, y.mean),
      place(x.mean, y.mean + y.deviation), place(x.mean, y.mean - y.deviation)
    )
  }

  private func draw(_ point: ScatterPanel.Point, _ colour: RGBColour, onto canvas: inout Canvas) {
    let (left, right, top, bottom) = ends(point)
    if point.x.deviation > 0 {
      canvas.horizontalLine(x: left.x...right.x, y: left.y, colour)
      for end in [left, right] {
        canvas.verticalLine(x: end.x, y: (end.y - Self.capLength)...(end.y + Self.capLength), colour)
      }
    }
    if point.y.deviation > 0 {
      canvas.verticalLine(x: top.x, y: top.y...bottom.y, colour)
      for end in [top, bottom] {
        canvas.horizontalLine(x: (end.x - Self.capLength)...(end.x + Self.capLength), y: end.y, colour)
      }
    }
    canvas.fill(x: top.x - 4, y: left.y - 4, width: 9, height: 9, colour)
  }

  private func drawLabels(onto canvas: inout Canvas) {
    let marks = panel.points.map { place($0.x.mean, $0.y.mean) }
    let widths = panel.points.map { canvas.width(of: $0.label, size: Self.labelSize) }
    let bars = panel.points.map(ends).flatMap { ends in
      [
        Box(x: ends.left.x, y: ends.left.y, width: ends.right.x - ends.left.x + 1, height: 1),
        Box(x: ends.top.x, y: ends.top.y, width: 1, height: ends.bottom.y - ends.top.y + 1),
      ]
    }
    let labels = ScatterLabels(plot: plot, height: Self.labelSize, lines: bars).places(marks, widths: widths)
    for (index, label) in labels.enumerated() {
      canvas.text(
        panel.points[index].label, x: label.x, baseline: label.y + label.height - 2, size: Self.labelSize,
        colour(index))
    }
  }

  private func drawAxes(onto canvas: inout Canvas) {
    let bottom = plot.y + plot.height
    for tick in AxisTicks.linear(yRange, count: 5) {
      let y = place(xRange.lowerBound, tick).y
      canvas.horizontalLine(x: plot.x...(plot.x + plot.width), y: y, ChartColour.grid)
      canvas.text(
        AxisTicks.label(tick), x: plot.x - 8, baseline: y + 5, size: Self.labelSize, ChartColour.quiet,
        alignment: .right)
    }
    for tick in AxisTicks.linear(xRange, count: 8) {
      let x = place(tick, yRange.lowerBound).x
      canvas.verticalLine(x: x, y: plot.y...bottom, ChartColour.grid)
      canvas.text(
        AxisTicks.label(tick), x: x, baseline: bottom + 19, size: Self.labelSize, ChartColour.quiet,
        alignment: .centre)
    }
    canvas.horizontalLine(x: plot.x...(plot.x + plot.width), y: bottom, ChartColour.axis)
    canvas.text(
      panel.xAxis, x: plot.x + plot.width / 2, baseline: bottom + 40, size: Self.labelSize, ChartColour.text,
      alignment: .centre, maxWidth: plot.width)
  }
}
