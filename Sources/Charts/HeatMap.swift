import Imaging

/// A table of fractions as colours: a confusion matrix, for one.
package struct HeatMap: Sendable {
  package var title: String
  package var subtitle: String
  package var rowTitle: String
  package var columnTitle: String
  package var labels: [String]
  /// By row, then column: 0 to 1; nil where nothing is known.
  package var values: [[Double?]]

  package init(
    title: String, subtitle: String, rowTitle: String, columnTitle: String, labels: [String],
    values: [[Double?]]
  ) {
    precondition(values.count == labels.count && values.allSatisfy { $0.count == labels.count })
    (self.title, self.subtitle, self.rowTitle, self.columnTitle) = (title, subtitle, rowTitle, columnTitle)
    (self.labels, self.values) = (labels, values)
  }

  private static let margin = 28
  private static let headingHeight = 84
  private static let labelSize = 14
  private static let longestLabel = 180
  /// More classes than this are colours without names.
  private static let mostNames = 64

  private var hasNames: Bool { labels.count <= Self.mostNames }
  private var cell: Int { max(2, min(34, 900 / max(1, labels.count))) }

  package func draw(font: FontFace) -> RGBImage {
    let room = hasNames ? labels.map { font.width(of: $0, pixelSize: Self.labelSize) }.max() ?? 0 : 0
    let (side, labelWidth) = (cell * labels.count, min(Self.longestLabel, room) + 10)
    var canvas = Canvas(
      width: max(640, 2 * Self.margin + labelWidth + side + 60),
      height: 2 * Self.margin + Self.headingHeight + side + 40, font: font)
    let width = canvas.image.width - 2 * Self.margin
    canvas.text(title, x: Self.margin, baseline: 50, size: 26, ChartColour.text, maxWidth: width)
    canvas.text(subtitle, x: Self.margin, baseline: 76, size: 16, ChartColour.quiet, maxWidth: width)
    canvas.text(
      "rows: \(rowTitle); columns: \(columnTitle), in the same order", x: Self.margin, baseline: 98, size: 14,
      ChartColour.quiet, maxWidth: width)
    let (left, top) = (Self.margin + labelWidth, Self.margin + Self.headingHeight)
    drawCells(left, top, labelWidth, onto: &canvas)
    return canvas.image
  }

  private func drawCells(_ left: Int, _ top: Int, _ labelWidth: Int, onto canvas: inout Canvas) {
    for (row, values) in values.enumerated() {
      let y = top + row * cell
      if hasNames {
        canvas.text(
          labels[row], x: left - 8, baseline: y + cell / 2 + 5, size: Self.labelSize, ChartColour.text,
          alignment: .right, maxWidth: labelWidth - 10)
      }
      for (column, value) in values.enumerated() {
        canvas.fill(
          x: left + column * cell, y: y, width: cell - (cell > 4 ? 1 : 0), height: cell - (cell > 4 ? 1 : 0),
          Self.colour(value))
        guard cell >= 26, let value, value >= 0.005 else { continue }
        canvas.text(
          "\(Int((100 * value).rounded()))", x: left + column * cell + cell / 2, baseline: y + cell / 2 + 5,
          size: 13, value > 0.5 ? .white : ChartColour.text, alignment: .centre)
      }
    }
  }

  /// White to the blue of the series; light grey for what is not known.
  private static func colour(_ value: Double?) -> RGBColour {
    guard let value else { return ChartColour.backing }
    func mix(_ end: UInt8) -> UInt8 { UInt8((255 + (Double(end) - 255) * min(1, max(0, value))).rounded()) }
    let blue = ChartColour.series
    return RGBColour(red: mix(blue.red), green: mix(blue.green), blue: mix(blue.blue))
  }
}
