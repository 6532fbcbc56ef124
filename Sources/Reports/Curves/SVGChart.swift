import Basics
import Foundation

/// Draws a line chart as SVG: a line through the means, a band from the smallest to the largest of what became a point.
struct SVGChart {
  private static let width = 400.0
  private static let left = 54.0
  private static let right = 10.0
  private static let plotHeight = 168.0
  /// With fewer points each is marked, and tells its value.
  private static let markedCount = 40
  /// Marks of what is not finite.
  private static let gapsShown = 200

  private let chart: LineChart
  private let legend: ChartLegend
  private let xAxis: ChartAxis
  private let yAxis: ChartAxis
  private let top: Double
  private let notes: [String]

  init(_ chart: LineChart) {
    self.chart = chart
    legend = ChartLegend(chart.series, width: Self.width - 16)
    let points = chart.series.flatMap(\.curve.points)
    let steps = points.map(\.step)
    xAxis = ChartAxis(steps: min(1, steps.min() ?? 1)...(steps.max() ?? 1))
    let (values, isBandCut) = Self.extent(points)
    yAxis = ChartAxis(values: values, fromZero: chart.fromZero)
    top = 30 + legend.height
    notes = Self.notes(chart, isBandCut: isBandCut, isLogarithmic: yAxis.isLogarithmic)
  }

  /// The means and, unless it would hide them, the band.
  private static func extent(_ points: [ThinnedCurve.Point]) -> (values: [Double], isBandCut: Bool) {
    let found = points.filter { $0.count > 0 }
    let means = found.compactMap(\.mean)
    guard let low = means.min(), let high = means.max() else { return ([], false) }
    let smallest = found.map(\.smallest).min()!, largest = found.map(\.largest).max()!
    if largest - smallest <= 3 * (high - low) { return (means + [smallest, largest], false) }
    return (means, smallest < low || largest > high)
  }

  private static func notes(_ chart: LineChart, isBandCut: Bool, isLogarithmic: Bool) -> [String] {
    var notes: [String] = []
    if chart.stepsPerPoint > 1 {
      let cut = isBandCut ? ", cut at the frame" : ""
      notes.append(
        "each point: mean of up to \(chart.stepsPerPoint.digitGrouped) steps; band: smallest to largest\(cut)"
      )
    }
    if chart.missingCount > 0 {
      notes.append("marks at the bottom: \(counted(chart.missingCount, "value")) not finite (null)")
    }
    if isLogarithmic { notes.append("logarithmic axis") }
    return notes
  }

  private var plotBottom: Double { top + Self.plotHeight }
  private var height: Double { plotBottom + 22 + Double(notes.count) * 13 + 4 }

  /// For a page that has `PageStyle`.
  var inline: String { element(attributes: "") }

  /// A file of its own.
  var file: String {
    let style = "<style>\n\(PageStyle.colours)\n\(PageStyle.chart)\n</style>"
    let paper = "<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>"
    let size = " xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"\(Int(height * 1.5))\""
    return element(attributes: size, head: style + paper) + "\n"
  }

  private func element(attributes: String, head: String = "") -> String {
    let title = HTMLText.escape(chart.title)
    let unit =
      chart.unit.isEmpty ? "" : "<tspan class=\"small\" dx=\"6\">\(HTMLText.escape(chart.unit))</tspan>"
    let body = [
      "<text class=\"title\" x=\"8\" y=\"16\">\(title)<tspan font-weight=\"400\">\(unit)</tspan></text>",
      legend.svg(y: 33), axes, chart.series.map(band).joined(), chart.series.map(line).joined(), gaps,
      noteLines,
    ]
    return "<svg\(attributes) class=\"chart\" role=\"img\" aria-label=\"\(title)\" "
      + "viewBox=\"0 0 \(Self.text(Self.width)) \(Self.text(height))\">\(head)\(body.joined())</svg>"
  }

  private func x(_ step: Int) -> String {
    Self.text(Self.left + xAxis.position(of: Double(step)) * (Self.width - Self.left - Self.right))
  }

  private func y(_ value: Double) -> String {
    Self.text(plotBottom - yAxis.position(of: value) * Self.plotHeight)
  }

  private static func text(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
  }

  private var axes: String {
    let (x1, x2) = (Self.text(Self.left), Self.text(Self.width - Self.right))
    var out = ""
    for (tick, label) in zip(yAxis.ticks, yAxis.labels) {
      let y = y(tick)
      out += "<path class=\"grid\" d=\"M\(x1) \(y)H\(x2)\"/>"
      out +=
        "<text x=\"\(Self.text(Self.left - 6))\" y=\"\(y)\" dy=\"0.35em\" text-anchor=\"end\">\(label)</text>"
    }
    let bottom = Self.text(plotBottom)
    out += "<path class=\"axis\" d=\"M\(x1) \(bottom)H\(x2)\"/>"
    for (tick, label) in zip(xAxis.ticks, xAxis.labels)
    where tick < xAxis.range.upperBound * 0.97 || tick == xAxis.ticks.first {
      let x = x(Int(tick))
      out += "<path class=\"axis\" d=\"M\(x) \(bottom)v4\"/>"
      out += "<text x=\"\(x)\" y=\"\(Self.text(plotBottom + 15))\" text-anchor=\"middle\">\(label)</text>"
    }
    out += "<text x=\"\(x2)\" y=\"\(Self.text(plotBottom + 15))\" text-anchor=\"end\">step</text>"
    return out
  }

  /// Stretches of points without a gap.
  private func stretches(_ curve: ThinnedCurve) -> [[ThinnedCurve.Point]] {
    curve.points.split { $0.count == 0 }.map(Array.init)
  }

  private func band(_ series: LineChart.Series) -> String {
    guard series.curve.stepsPerPoint > 1 else { return "" }
    return stretches(series.curve).filter { $0.count > 1 }.map { points in
      let upper = points.map { "\(x($0.step)) \(y($0.largest))" }
      let lower = points.reversed().map { "\(x($0.step)) \(y($0.smallest))" }
      return
        "<path class=\"band f\(series.colour % PageStyle.colourCount)\" d=\"M\((upper + lower).joined(separator: "L"))Z\"/>"
    }.joined()
  }

  private func line(_ series: LineChart.Series) -> String {
    let colour = series.colour % PageStyle.colourCount
    let dashed = series.colour >= PageStyle.colourCount ? " dashed" : ""
    let lines = stretches(series.curve).filter { $0.count > 1 }.map { points in
      let places = points.map { "\(x($0.step)) \(y($0.mean!))" }
      return "<path class=\"line s\(colour)\(dashed)\" d=\"M\(places.joined(separator: "L"))\"/>"
    }
    return lines.joined() + marks(series, colour)
  }

  /// Points of short curves, and those that stand alone.
  private func marks(_ series: LineChart.Series, _ colour: Int) -> String {
    let all = stretches(series.curve)
    let shown =
      series.curve.points.count <= Self.markedCount
      ? all.joined().map(\.self) : all.filter { $0.count == 1 }.flatMap(\.self)
    return shown.map { point in
      let label = HTMLText.escape("\(series.label), step \(point.step.digitGrouped): \(point.mean!)")
      return
        "<circle class=\"f\(colour)\" cx=\"\(x(point.step))\" cy=\"\(y(point.mean!))\" r=\"2.2\"><title>\(label)</title></circle>"
    }.joined()
  }

  private var gaps: String {
    let steps = chart.series.flatMap { $0.curve.points.filter { $0.missingCount > 0 }.map(\.step) }
    let bottom = Self.text(plotBottom)
    return steps.prefix(Self.gapsShown).map { "<path class=\"gone\" d=\"M\(x($0)) \(bottom)v-7\"/>" }.joined()
  }

  private var noteLines: String {
    notes.enumerated().map { index, note in
      let y = Self.text(plotBottom + 30 + Double(index) * 13)
      return "<text class=\"small\" x=\"8\" y=\"\(y)\">\(HTMLText.escape(note))</text>"
    }.joined()
  }
}
