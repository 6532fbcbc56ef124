import Basics
import Imaging

/// Draws named bars into a panel's frame: label, bar, count and share.
struct BarDrawing {
  private static let labelSize = 15
  private static let rowCount = 7
  private static let rowHeight = 35
  private static let barHeight = 26
  private static let valueRoom = 128

  private let panel: BarPanel
  private let frame: Box

  init(_ panel: BarPanel, _ frame: Box) {
    self.panel = panel
    self.frame = frame
  }

  func draw(onto canvas: inout Canvas) {
    PanelHeading(title: panel.title, note: panel.note, legend: legend).draw(in: frame, onto: &canvas)
    let labelWidth = min(
      frame.width * 2 / 5, panel.bars.map { canvas.width(of: $0.label, size: Self.labelSize) }.max() ?? 0)
    for (index, bar) in shown.enumerated() {
      let y = top + index * Self.rowHeight
      canvas.text(
        bar.label, x: frame.x, baseline: y + 18, size: Self.labelSize, ChartColour.text, maxWidth: labelWidth)
      draw(bar, x: frame.x + labelWidth + 12, y: y, onto: &canvas)
    }
    let rest = panel.bars.count - shown.count
    if rest > 0 || panel.bars.isEmpty {
      canvas.text(
        rest > 0 ? "and \(rest) more" : "none", x: frame.x, baseline: top + shown.count * Self.rowHeight + 18,
        size: Self.labelSize, ChartColour.quiet)
    }
  }

  private var top: Int { frame.y + PanelHeading.height + 4 }

  private var legend: [(String, RGBColour)] {
    guard panel.bars.contains(where: { $0.earlierCount != nil }) else { return [] }
    return [("before", ChartColour.earlier), ("after", ChartColour.series)]
  }

  /// The bars that there is room for; the last row says how many there are besides.
  private var shown: ArraySlice<BarPanel.Bar> {
    panel.bars.count > Self.rowCount ? panel.bars.prefix(Self.rowCount - 1) : panel.bars[...]
  }

  private func draw(_ bar: BarPanel.Bar, x: Int, y: Int, onto canvas: inout Canvas) {
    let room = frame.x + frame.width - Self.valueRoom - x
    let largest = max(1, shown.map { max($0.count, $0.earlierCount ?? 0) }.max() ?? 1)
    func width(_ count: Int) -> Int {
      count == 0 ? 0 : max(1, Int((Double(count) / Double(largest) * Double(room)).rounded()))
    }
    let earlier = width(bar.earlierCount ?? 0)
    let inset = bar.earlierCount == nil ? 0 : 5
    canvas.fill(x: x, y: y, width: earlier, height: Self.barHeight, ChartColour.earlier)
    canvas.fill(
      x: x, y: y + inset, width: width(bar.count), height: Self.barHeight - 2 * inset, ChartColour.series)
    canvas.text(
      value(of: bar), x: x + max(earlier, width(bar.count)) + 8, baseline: y + 18, size: 14, ChartColour.quiet
    )
  }

  /// The count with its share: of what was before, else of all bars.
  private func value(of bar: BarPanel.Bar) -> String {
    let whole = bar.earlierCount ?? panel.bars.reduce(0) { $0 + $1.count }
    return bar.count.digitGrouped + "  " + Self.share(of: bar.count, in: whole)
  }

  static func share(of count: Int, in whole: Int) -> String {
    guard whole > 0 else { return "" }
    let percent = 100 * Double(count) / Double(whole)
    if count > 0, percent < 0.1 { return "< 0.1 %" }
    if count < whole, percent > 99.9 { return "> 99.9 %" }
    return "\(Double((percent * 10).rounded() / 10)) %".replacing(".0 %", with: " %")
  }
}
