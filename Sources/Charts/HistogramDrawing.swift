import Imaging

/// Draws one histogram into its frame.
struct HistogramDrawing {
  private static let labelSize = 14
  private static let yLabelRoom = 52
  private static let belowPlot = 46
  private static let thresholdRow = 17

  private let panel: HistogramPanel
  private let frame: Box
  private let labelRows: Int
  /// The pixels that bars may fill.
  let plot: Box
  /// The count that a bar of the plot's full height stands for.
  let top: Double

  init(_ panel: HistogramPanel, _ frame: Box) {
    self.panel = panel
    self.frame = frame
    labelRows = min(3, panel.thresholds.count { panel.bins.range.contains($0.value) })
    let above = PanelHeading.height + labelRows * Self.thresholdRow
    plot = Box(
      x: frame.x + Self.yLabelRoom, y: frame.y + above, width: frame.width - Self.yLabelRoom - 8,
      height: frame.height - above - Self.belowPlot)
    let largest = Double(panel.series.flatMap(\.counts).max() ?? 0)
    let step = AxisTicks.roundStep(atLeast: max(1, largest / 4))
    top = max(1, (largest / step).rounded(.up)) * step
  }

  func draw(onto canvas: inout Canvas) {
    PanelHeading(title: panel.title, note: panel.note, legend: legend).draw(in: frame, onto: &canvas)
    drawCountAxis(onto: &canvas)
    drawBars(onto: &canvas)
    drawValueAxis(onto: &canvas)
    drawThresholds(onto: &canvas)
    if panel.series.allSatisfy({ $0.counts.allSatisfy { $0 == 0 } }) {
      canvas.text(
        "no values", x: plot.x + plot.width / 2, baseline: plot.y + plot.height / 2, size: 16,
        ChartColour.quiet, alignment: .centre)
    }
  }

  private var legend: [(String, RGBColour)] {
    guard panel.series.count == 2 else { return [] }
    return [(panel.series[0].label, ChartColour.earlier), (panel.series[1].label, ChartColour.series)]
  }

  private func x(of value: Double) -> Int {
    plot.x + Int((panel.bins.position(of: value) * Double(plot.width)).rounded())
  }

  /// Something is at least a pixel high.
  func height(of count: Int) -> Int {
    guard count > 0 else { return 0 }
    return max(1, Int((Double(count) / top * Double(plot.height)).rounded()))
  }

  private func drawCountAxis(onto canvas: inout Canvas) {
    for tick in AxisTicks.linear(0...top, count: 4) where tick.rounded() == tick {
      let y = plot.y + plot.height - Int((tick / top * Double(plot.height)).rounded())
      canvas.horizontalLine(x: plot.x...(plot.x + plot.width), y: y, ChartColour.grid)
      canvas.text(
        AxisTicks.label(tick), x: plot.x - 8, baseline: y + 5, size: Self.labelSize, ChartColour.quiet,
        alignment: .right)
    }
  }

  private func drawBars(onto canvas: inout Canvas) {
    if panel.series.count == 2 { drawBars(panel.series[0].counts, ChartColour.earlier, onto: &canvas) }
    drawBars(panel.series[panel.series.count - 1].counts, ChartColour.series, onto: &canvas)
    if panel.series.count == 2 { drawOutline(panel.series[0].counts, onto: &canvas) }
  }

  /// Bars stand a pixel apart where there is room for it.
  private func drawBars(_ counts: [Int], _ colour: RGBColour, onto canvas: inout Canvas) {
    for (bin, count) in counts.enumerated() {
      let left = x(of: panel.bins.edges[bin])
      let right = x(of: panel.bins.edges[bin + 1])
      let gap = right - left > 3 ? 1 : 0
      let height = height(of: count)
      canvas.fill(
        x: left, y: plot.y + plot.height - height, width: max(1, right - left - gap), height: height, colour)
    }
  }

  /// The upper contour of the series behind, which stays visible where the one in front is as high.
  private func drawOutline(_ counts: [Int], onto canvas: inout Canvas) {
    let bottom = plot.y + plot.height
    var last = 0
    for (bin, count) in counts.enumerated() {
      let left = x(of: panel.bins.edges[bin])
      let height = height(of: count)
      let ends = min(last, height)...max(last, height)
      if last != height {
        canvas.verticalLine(
          x: left, y: (bottom - ends.upperBound)...(bottom - ends.lowerBound), ChartColour.earlierOutline)
      }
      if height > 0 {
        let right = x(of: panel.bins.edges[bin + 1])
        canvas.horizontalLine(x: left...max(left, right), y: bottom - height, ChartColour.earlierOutline)
      }
      last = height
    }
    if last > 0 {
      canvas.verticalLine(x: plot.x + plot.width, y: (bottom - last)...bottom, ChartColour.earlierOutline)
    }
  }

  private func drawValueAxis(onto canvas: inout Canvas) {
    let bottom = plot.y + plot.height
    canvas.horizontalLine(x: plot.x...(plot.x + plot.width), y: bottom, ChartColour.axis)
    var lastRight = Int.min
    for tick in ticks {
      let label = AxisTicks.label(tick)
      let width = canvas.width(of: label, size: Self.labelSize)
      let middle = min(x(of: tick), frame.x + frame.width - width / 2)
      guard lastRight < middle - width / 2 - 10 else { continue }
      lastRight = middle + width / 2
      canvas.verticalLine(x: x(of: tick), y: bottom...(bottom + 4), ChartColour.axis)
      canvas.text(
        label, x: middle, baseline: bottom + 19, size: Self.labelSize, ChartColour.quiet, alignment: .centre)
    }
    canvas.text(
      panel.axis, x: plot.x + plot.width / 2, baseline: bottom + 40, size: Self.labelSize, ChartColour.text,
      alignment: .centre, maxWidth: plot.width)
  }

  private var ticks: [Double] {
    switch panel.bins.scale {
    case .linear:
      // Whole numbers have no halves.
      AxisTicks.linear(panel.bins.range, count: 8).filter { !panel.bins.isWhole || $0 == $0.rounded() }
    case .logarithmic: AxisTicks.logarithmic(panel.bins.range, count: 10)
    }
  }

  /// Labels stand above the plot, in turn one row lower, so that neighbours do not overlap, over all lines.
  private func drawThresholds(onto canvas: inout Canvas) {
    let shown = panel.thresholds.filter { panel.bins.range.contains($0.value) }.sorted { $0.value < $1.value }
    let baselines = shown.indices.map { index in
      plot.y - 5 - (labelRows - 1 - index % max(1, labelRows)) * Self.thresholdRow
    }
    for (threshold, baseline) in zip(shown, baselines) {
      canvas.dashedVerticalLine(
        x: x(of: threshold.value) - 1, y: (baseline - 11)...(plot.y + plot.height - 1), ChartColour.threshold)
    }
    for (threshold, baseline) in zip(shown, baselines) {
      drawLabel(threshold.label, at: x(of: threshold.value), baseline: baseline, onto: &canvas)
    }
  }

  /// Right of the line, on the right half of the plot left of it.
  private func drawLabel(_ label: String, at x: Int, baseline: Int, onto canvas: inout Canvas) {
    let isLeft = x > plot.x + plot.width / 2
    let width = min(
      isLeft ? x - 5 - frame.x : frame.x + frame.width - x - 5,
      canvas.width(of: label, size: Self.labelSize))
    let left = isLeft ? x - 5 - width : x + 5
    canvas.fill(x: left - 1, y: baseline - 13, width: width + 2, height: Self.thresholdRow, .white)
    canvas.text(
      label, x: left, baseline: baseline, size: Self.labelSize, ChartColour.threshold, maxWidth: width)
  }
}
