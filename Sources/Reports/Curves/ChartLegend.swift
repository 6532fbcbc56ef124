import Foundation

/// The series' names with their colours, in as many lines as they need.
struct ChartLegend {
  private static let lineHeight = 15.0
  private static let markWidth = 15.0
  private static let gap = 12.0
  private static let longestLabel = 44

  private let lines: [[(series: LineChart.Series, x: Double)]]

  /// - Parameter width: in the chart's units, which letters are estimated in.
  init(_ series: [LineChart.Series], width: Double) {
    var lines: [[(series: LineChart.Series, x: Double)]] = []
    var x = 0.0
    for entry in series {
      let needed = Self.markWidth + Self.width(of: Self.label(entry))
      if lines.isEmpty || x + needed > width {
        lines.append([])
        x = 0
      }
      lines[lines.count - 1].append((entry, x))
      x += needed + Self.gap
    }
    // One series is what the title says.
    self.lines = series.count > 1 ? lines : []
  }

  var height: Double { Double(lines.count) * Self.lineHeight }

  func svg(y: Double) -> String {
    lines.enumerated().map { index, line in
      line.map { entry in
        let colour = entry.series.colour % PageStyle.colourCount
        let dashed = entry.series.colour >= PageStyle.colourCount ? " dashed" : ""
        let (x, baseline) = (8 + entry.x, y + Double(index) * Self.lineHeight)
        return "<path class=\"line s\(colour)\(dashed)\" d=\"M\(x) \(baseline - 4)h11\" stroke-width=\"3\"/>"
          + "<text class=\"key\" x=\"\(x + Self.markWidth)\" y=\"\(baseline)\">\(HTMLText.escape(Self.label(entry.series)))</text>"
      }.joined()
    }.joined()
  }

  private static func label(_ series: LineChart.Series) -> String {
    series.label.count <= longestLabel ? series.label : "…" + series.label.suffix(longestLabel - 1)
  }

  /// Korean letters are as wide as they are high.
  private static func width(of text: String) -> Double {
    text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 ? 6.2 : 11) }
  }
}
