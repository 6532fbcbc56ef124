import Imaging

/// A picture with a pen: rectangles, lines and text, clipped to the picture.
struct Canvas {
  enum Alignment { case left, centre, right }

  private(set) var image: RGBImage
  private let font: FontFace

  init(width: Int, height: Int, font: FontFace) {
    image = RGBImage(width: width, height: height, fill: .white)
    self.font = font
  }

  mutating func fill(x: Int, y: Int, width: Int, height: Int, _ colour: RGBColour) {
    let left = max(0, x)
    let right = min(image.width, x + width)
    guard left < right else { return }
    for row in max(0, y)..<max(0, y, min(image.height, y + height)) {
      for column in left..<right { image[column, row] = colour }
    }
  }

  /// A line one pixel wide, both ends included.
  mutating func horizontalLine(x: ClosedRange<Int>, y: Int, _ colour: RGBColour) {
    fill(x: x.lowerBound, y: y, width: x.count, height: 1, colour)
  }

  mutating func verticalLine(x: Int, y: ClosedRange<Int>, _ colour: RGBColour) {
    fill(x: x, y: y.lowerBound, width: 1, height: y.count, colour)
  }

  /// Dashes of six pixels, gaps of four, two pixels wide.
  mutating func dashedVerticalLine(x: Int, y: ClosedRange<Int>, _ colour: RGBColour) {
    for top in stride(from: y.lowerBound, through: y.upperBound, by: 10) {
      fill(x: x, y: top, width: 2, height: min(6, y.upperBound - top + 1), colour)
    }
  }

  /// Two pixels wide; dashes of eight pixels, gaps of six.
  mutating func line(
    from start: (x: Int, y: Int), to end: (x: Int, y: Int), _ colour: RGBColour, isDashed: Bool = false
  ) {
    let (width, height) = (end.x - start.x, end.y - start.y)
    let steps = max(abs(width), abs(height), 1)
    for step in 0...steps where !isDashed || step % 14 < 8 {
      let (x, y) = (start.x + width * step / steps, start.y + height * step / steps)
      fill(x: x, y: y, width: 2, height: 2, colour)
    }
  }

  mutating func paste(_ picture: RGBImage, x: Int, y: Int) { image.paste(picture, x: x, y: y) }

  func width(of text: String, size: Int) -> Int { font.width(of: text, pixelSize: size) }

  /// Letters stand on `baseline`; `x` is the text's left end, middle or right end. Text wider than `maxWidth` ends
  /// in "…".
  mutating func text(
    _ text: String, x: Int, baseline: Int, size: Int, _ colour: RGBColour, alignment: Alignment = .left,
    maxWidth: Int = .max
  ) {
    let drawn = min(maxWidth, alignment == .left ? 0 : width(of: text, size: size))
    let left =
      switch alignment {
      case .left: x
      case .centre: x - drawn / 2
      case .right: x - drawn
      }
    font.drawText(
      onto: &image, text, x: left, baseline: baseline, pixelSize: size, colour: colour, maxWidth: maxWidth)
  }
}
