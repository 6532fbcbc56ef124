import Imaging

/// Panels in a grid under a heading.
package struct ChartSheet: Sendable {
  package var title: String
  package var subtitle: String
  package var panels: [ChartPanel]
  package var columns: Int

  package static let panelWidth = 560
  package static let panelHeight = 330
  private static let margin = 28
  private static let gap = 44
  private static let headingHeight = 76

  /// - Parameter columns: how many panels stand side by side.
  package init(title: String, subtitle: String = "", panels: [ChartPanel], columns: Int = 3) {
    precondition(columns > 0)
    self.title = title
    self.subtitle = subtitle
    self.panels = panels
    self.columns = columns
  }

  package func draw(font: FontFace) -> RGBImage {
    let across = max(1, min(columns, panels.count))
    let down = (panels.count + across - 1) / across
    var canvas = Canvas(
      width: 2 * Self.margin + across * (Self.panelWidth + Self.gap) - Self.gap,
      height: 2 * Self.margin + Self.headingHeight + down * (Self.panelHeight + Self.gap), font: font)
    drawHeading(onto: &canvas)
    for (index, panel) in panels.enumerated() {
      let frame = Box(
        x: Self.margin + index % across * (Self.panelWidth + Self.gap),
        y: Self.margin + Self.headingHeight + index / across * (Self.panelHeight + Self.gap),
        width: Self.panelWidth, height: Self.panelHeight)
      switch panel {
      case .histogram(let histogram): HistogramDrawing(histogram, frame).draw(onto: &canvas)
      case .bars(let bars): BarDrawing(bars, frame).draw(onto: &canvas)
      case .lines(let lines): LineDrawing(lines, frame).draw(onto: &canvas)
      case .scatter(let points): ScatterDrawing(points, frame).draw(onto: &canvas)
      }
    }
    return canvas.image
  }

  private func drawHeading(onto canvas: inout Canvas) {
    let room = canvas.image.width - 2 * Self.margin
    canvas.text(
      title, x: Self.margin, baseline: Self.margin + 24, size: 26, ChartColour.text, maxWidth: room)
    canvas.text(
      subtitle, x: Self.margin, baseline: Self.margin + 50, size: 16, ChartColour.quiet, maxWidth: room)
  }
}
