import Imaging

/// Where time goes: spans over the spans within them, as wide as they are long, and bars for the kinds of work.
package struct FlameChart: Sendable {
  package struct Span: Sendable {
    package var label: String
    /// Beneath the label where there is room, e.g. `120 ms, 14 %`.
    package var note: String
    package var length: Double
    package var kind: Kind
    /// Drawn side by side beneath it, from the left; together no longer than it is.
    package var children: [Span]

    package init(label: String, note: String, length: Double, kind: Kind, children: [Span] = []) {
      precondition(length >= 0)
      (self.label, self.note, self.length) = (label, note, length)
      (self.kind, self.children) = (kind, children)
    }

    /// Rows that it and what is beneath it take.
    var depth: Int { 1 + (children.map(\.depth).max() ?? 0) }
  }

  /// What a span's colour says.
  package enum Kind: Int, CaseIterable, Sendable {
    case section, product, attention, norm, elementwise, communication, update, other

    var colour: RGBColour {
      switch self {
      case .section: RGBColour(red: 214, green: 220, blue: 229)
      case .product: RGBColour(red: 110, green: 172, blue: 218)
      case .attention: RGBColour(red: 240, green: 178, blue: 74)
      case .norm: RGBColour(red: 112, green: 196, blue: 165)
      case .elementwise: RGBColour(red: 216, green: 160, blue: 196)
      case .communication: RGBColour(red: 224, green: 132, blue: 82)
      case .update: RGBColour(red: 236, green: 226, blue: 110)
      case .other: RGBColour(red: 196, green: 196, blue: 200)
      }
    }
  }

  /// A kind of work with its bar.
  package struct Bar: Sendable {
    package var label: String
    package var note: String
    package var length: Double
    package var kind: Kind

    package init(label: String, note: String, length: Double, kind: Kind) {
      precondition(length >= 0)
      (self.label, self.note, self.length, self.kind) = (label, note, length, kind)
    }
  }

  package var title: String
  package var subtitle: String
  package var root: Span
  package var bars: [Bar]

  private static let margin = 28
  private static let width = 1500
  private static let headingHeight = 76
  private static let rowHeight = 44
  private static let gap = 36
  private static let barHeight = 26
  private static let barLabelWidth = 240
  private static let barNoteWidth = 330

  package init(title: String, subtitle: String, root: Span, bars: [Bar]) {
    (self.title, self.subtitle, self.root, self.bars) = (title, subtitle, root, bars)
  }

  package func draw(font: FontFace) -> RGBImage {
    let flameHeight = root.depth * Self.rowHeight
    var canvas = Canvas(
      width: Self.width,
      height: 2 * Self.margin + Self.headingHeight + flameHeight + Self.gap + bars.count * Self.barHeight,
      font: font)
    drawHeading(onto: &canvas)
    let top = Self.margin + Self.headingHeight
    let room = Self.width - 2 * Self.margin
    draw(
      root, x: Double(Self.margin), y: top,
      pixelsPerUnit: Double(room) / max(root.length, 1e-300),
      onto: &canvas)
    drawBars(top: top + flameHeight + Self.gap, onto: &canvas)
    return canvas.image
  }

  private func drawHeading(onto canvas: inout Canvas) {
    let room = Self.width - 2 * Self.margin
    canvas.text(
      title, x: Self.margin, baseline: Self.margin + 24, size: 26, ChartColour.text, maxWidth: room)
    canvas.text(
      subtitle, x: Self.margin, baseline: Self.margin + 50, size: 16, ChartColour.quiet, maxWidth: room)
  }

  private func draw(_ span: Span, x: Double, y: Int, pixelsPerUnit: Double, onto canvas: inout Canvas) {
    let left = Int(x.rounded())
    let width = Int((x + span.length * pixelsPerUnit).rounded()) - left
    guard width > 0 else { return }
    canvas.fill(
      x: left, y: y, width: max(1, width - 1), height: Self.rowHeight - 1, span.kind.colour)
    if width > 26 {
      canvas.text(
        span.label, x: left + 4, baseline: y + 18, size: 14, ChartColour.text, maxWidth: width - 8)
      canvas.text(
        span.note, x: left + 4, baseline: y + 36, size: 12, ChartColour.text, maxWidth: width - 8)
    }
    var childX = x
    for child in span.children {
      draw(child, x: childX, y: y + Self.rowHeight, pixelsPerUnit: pixelsPerUnit, onto: &canvas)
      childX += child.length * pixelsPerUnit
    }
  }

  private func drawBars(top: Int, onto canvas: inout Canvas) {
    let room = Self.width - 2 * Self.margin - Self.barLabelWidth - Self.barNoteWidth
    let longest = max(bars.map(\.length).max() ?? 0, .leastNormalMagnitude)
    for (row, bar) in bars.enumerated() {
      let y = top + row * Self.barHeight
      let width = max(1, Int(Double(room) * bar.length / longest))
      let left = Self.margin + Self.barLabelWidth
      canvas.text(
        bar.label, x: Self.margin, baseline: y + 17, size: 15, ChartColour.text,
        maxWidth: Self.barLabelWidth - 10)
      canvas.fill(x: left, y: y + 3, width: width, height: Self.barHeight - 7, bar.kind.colour)
      canvas.text(
        bar.note, x: left + width + 8, baseline: y + 17, size: 14, ChartColour.quiet,
        maxWidth: Self.barNoteWidth)
    }
  }
}
