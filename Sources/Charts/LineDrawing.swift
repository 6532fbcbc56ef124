import Imaging

/// Draws lines with a mark at each point into their frame.
struct LineDrawing {
  private static let labelSize = 14
  private static let yLabelRoom = 56
  private static let belowPlot = 46
  /// Blue, vermilion, green, purple: told apart by colour-blind readers too (Okabe and Ito, 2008).
  private static let colours = [
    ChartColour.series, ChartColour.threshold, RGBColour(red: 0, green: 158, blue: 115),
    RGBColour(red: 204, green: 121, blue: 167),
  ]

  private let panel: LinePanel
  private let frame: Box
  let plot: Box
  private let xAxis: PlotAxis
  private let yAxis: PlotAxis

  init(_ panel: LinePanel, _ frame: Box) {
    (self.panel, self.frame) = (panel, frame)
    plot = Box(
      x: frame.x + Self.yLabelRoom, y: frame.y + PanelHeading.height,
      width: frame.width - Self.yLabelRoom - 12, height: frame.height - PanelHeading.height - Self.belowPlot)
    let points = panel.series.flatMap(\.points)
    xAxis = PlotAxis(panel.xScale, covering: points.map(\.x))
    let bounds = panel.yRange.map { [$0.lowerBound, $0.upperBound] } ?? []
    yAxis = PlotAxis(panel.yScale, covering: points.map(\.y) + bounds)
  }

  func draw(onto canvas: inout Canvas) {
    PanelHeading(title: panel.title, note: panel.note, legend: legend).draw(in: frame, onto: &canvas)
    drawYAxis(onto: &canvas)
    drawXAxis(onto: &canvas)
    for (series, colour) in zip(panel.series, colours) { draw(series, colour, onto: &canvas) }
  }

  private var legend: [(String, RGBColour)] { Array(zip(panel.series.map(\.label), colours)) }

  /// Grey for references, the others in turn.
  private var colours: [RGBColour] {
    var used = 0
    return panel.series.map { series in
      guard !series.isReference else { return ChartColour.axis }
      defer { used += 1 }
      return Self.colours[used % Self.colours.count]
    }
  }

  func place(_ point: LinePanel.Point) -> (x: Int, y: Int) {
    let x = xAxis.position(of: point.x) * Double(plot.width)
    let y = yAxis.position(of: point.y) * Double(plot.height)
    return (plot.x + Int(x.rounded()), plot.y + plot.height - Int(y.rounded()))
  }

  private func draw(_ series: LinePanel.Series, _ colour: RGBColour, onto canvas: inout Canvas) {
    let places = series.points.map(place)
    for (from, to) in zip(places, places.dropFirst()) {
      canvas.line(from: from, to: to, colour, isDashed: series.isReference)
    }
    guard !series.isReference else { return }
    for (x, y) in places { canvas.fill(x: x - 3, y: y - 3, width: 7, height: 7, colour) }
  }

  private func drawYAxis(onto canvas: inout Canvas) {
    for tick in yAxis.ticks(5) {
      let y = plot.y + plot.height - Int((yAxis.position(of: tick) * Double(plot.height)).rounded())
      canvas.horizontalLine(x: plot.x...(plot.x + plot.width), y: y, ChartColour.grid)
      canvas.text(
        AxisTicks.label(tick), x: plot.x - 8, baseline: y + 5, size: Self.labelSize, ChartColour.quiet,
        alignment: .right)
    }
  }

  private func drawXAxis(onto canvas: inout Canvas) {
    let bottom = plot.y + plot.height
    canvas.horizontalLine(x: plot.x...(plot.x + plot.width), y: bottom, ChartColour.axis)
    var lastRight = Int.min
    for tick in xTicks {
      // Counts are told to the last digit.
      let label = tick == tick.rounded() && tick < 10_000 ? "\(Int(tick))" : AxisTicks.label(tick)
      let width = canvas.width(of: label, size: Self.labelSize)
      let x = plot.x + Int((xAxis.position(of: tick) * Double(plot.width)).rounded())
      guard lastRight < x - width / 2 - 10 else { continue }
      lastRight = x + width / 2
      canvas.verticalLine(x: x, y: bottom...(bottom + 4), ChartColour.axis)
      canvas.text(
        label, x: x, baseline: bottom + 19, size: Self.labelSize, ChartColour.quiet, alignment: .centre)
    }
    canvas.text(
      panel.xAxis, x: plot.x + plot.width / 2, baseline: bottom + 40, size: Self.labelSize, ChartColour.text,
      alignment: .centre, maxWidth: plot.width)
  }

  /// Where few values were taken along a logarithmic axis, these are told.
  private var xTicks: [Double] {
    let values = Set(panel.series.flatMap(\.points).map(\.x)).sorted()
    return panel.xScale == .logarithmic && values.count <= 12 ? values : xAxis.ticks(10)
  }
}
