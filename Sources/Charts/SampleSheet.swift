import Imaging

/// Pictures with their captions to look at, in groups under headings.
package struct SampleSheet: Sendable {
  package struct Tile: Sendable {
    /// Of any size; nil shows an empty square.
    package var picture: RGBImage?
    package var caption: String
    /// A short remark over the caption, e.g. a size or why there is no picture.
    package var note: String

    package init(picture: RGBImage?, caption: String, note: String = "") {
      // A wall of text would be cut anyway.
      self.caption = String(caption.prefix(400))
      self.picture = picture.map { Thumbnail.square(of: $0, side: SampleSheet.thumbnailSide) }
      self.note = note
    }
  }

  package struct Group: Sendable {
    package var title: String
    package var note: String
    package var tiles: [Tile]

    package init(title: String, note: String = "", tiles: [Tile]) {
      self.title = title
      self.note = note
      self.tiles = tiles
    }
  }

  package static let thumbnailSide = 176
  private static let margin = 28
  private static let gap = 20
  private static let captionLines = 3
  private static let captionSize = 15
  private static let lineHeight = 20
  private static let groupHeading = 48
  private static let tileHeight = thumbnailSide + 22 + captionLines * lineHeight + 14

  package var title: String
  package var groups: [Group]
  package var columns: Int

  package init(title: String, groups: [Group], columns: Int = 8) {
    precondition(columns > 0)
    self.title = title
    self.groups = groups
    self.columns = columns
  }

  package func draw(font: FontFace) -> RGBImage {
    let across = max(3, min(columns, groups.map(\.tiles.count).max() ?? 0))
    var canvas = Canvas(
      width: 2 * Self.margin + across * (Self.thumbnailSide + Self.gap) - Self.gap,
      height: 2 * Self.margin + 40 + groups.reduce(0) { $0 + Self.height(of: $1, across: across) }, font: font
    )
    canvas.text(
      title, x: Self.margin, baseline: Self.margin + 22, size: 26, ChartColour.text,
      maxWidth: canvas.image.width - 2 * Self.margin)
    var y = Self.margin + 40
    for group in groups {
      draw(group, y: y, across: across, onto: &canvas)
      y += Self.height(of: group, across: across)
    }
    return canvas.image
  }

  private static func height(of group: Group, across: Int) -> Int {
    groupHeading + (group.tiles.count + across - 1) / across * tileHeight
  }

  private func draw(_ group: Group, y: Int, across: Int, onto canvas: inout Canvas) {
    let titleWidth = canvas.width(of: group.title, size: 20)
    canvas.text(group.title, x: Self.margin, baseline: y + 30, size: 20, ChartColour.text)
    canvas.text(
      group.note, x: Self.margin + titleWidth + 14, baseline: y + 30, size: 15, ChartColour.quiet,
      maxWidth: max(0, canvas.image.width - 2 * Self.margin - titleWidth - 14))
    for (index, tile) in group.tiles.enumerated() {
      draw(
        tile, x: Self.margin + index % across * (Self.thumbnailSide + Self.gap),
        y: y + Self.groupHeading + index / across * Self.tileHeight, onto: &canvas)
    }
  }

  private func draw(_ tile: Tile, x: Int, y: Int, onto canvas: inout Canvas) {
    let side = Self.thumbnailSide
    if let picture = tile.picture {
      canvas.paste(picture, x: x, y: y)
    } else {
      canvas.fill(x: x, y: y, width: side, height: side, ChartColour.backing)
      canvas.text(
        "no picture", x: x + side / 2, baseline: y + side / 2, size: Self.captionSize, ChartColour.quiet,
        alignment: .centre)
    }
    canvas.text(tile.note, x: x, baseline: y + side + 16, size: 13, ChartColour.quiet, maxWidth: side)
    let lines = TextWrapping.lines(tile.caption, count: Self.captionLines, maxWidth: side) {
      canvas.width(of: $0, size: Self.captionSize)
    }
    for (row, line) in lines.enumerated() {
      canvas.text(
        line, x: x, baseline: y + side + 37 + row * Self.lineHeight, size: Self.captionSize, ChartColour.text,
        maxWidth: side)
    }
  }
}
