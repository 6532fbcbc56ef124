import Imaging

/// The title of a panel, the note under it and, where two series are compared, what their colours mean.
struct PanelHeading {
  static let height = 58
  static let titleSize = 18
  static let noteSize = 14

  var title: String
  var note: String
  /// Label and colour of each series.
  var legend: [(String, RGBColour)] = []

  func draw(in frame: Box, onto canvas: inout Canvas) {
    let legendWidth = drawLegend(in: frame, onto: &canvas)
    canvas.text(
      title, x: frame.x, baseline: frame.y + 17, size: Self.titleSize, ChartColour.text,
      maxWidth: frame.width - legendWidth)
    canvas.text(
      note, x: frame.x, baseline: frame.y + 38, size: Self.noteSize, ChartColour.quiet, maxWidth: frame.width)
  }

  /// From the right end of the title's line leftwards; returns the width taken.
  private func drawLegend(in frame: Box, onto canvas: inout Canvas) -> Int {
    var right = frame.x + frame.width
    for (label, colour) in legend.reversed() {
      let width = min(170, canvas.width(of: label, size: Self.noteSize))
      right -= width
      canvas.text(
        label, x: right, baseline: frame.y + 16, size: Self.noteSize, ChartColour.text, maxWidth: 170)
      right -= 18
      canvas.fill(x: right, y: frame.y + 5, width: 12, height: 12, colour)
      right -= 16
    }
    return frame.x + frame.width - right
  }
}
