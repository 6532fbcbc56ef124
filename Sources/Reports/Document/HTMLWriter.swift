import Foundation

/// Writes blocks as one HTML document that needs nothing else: no script, no font, no picture of another place.
struct HTMLWriter {
  private let title: String
  private var out = ""

  /// - Parameter title: of the window.
  static func document(_ blocks: [Block], title: String) -> String {
    var writer = HTMLWriter(title: title)
    for block in blocks { writer.write(block) }
    return writer.page
  }

  private init(title: String) { self.title = title }

  private var page: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
    <title>\(HTMLText.escape(title))</title>
    <style>
    \(PageStyle.colours)
    \(PageStyle.page)
    \(PageStyle.chart)
    </style>
    </head>
    <body>
    <main>
    \(out)</main>
    </body>
    </html>

    """
  }

  /// What a browser keeps to, whatever a run's files hold.
  private static let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

  /// Tables of more rows scroll within the page.
  private static let longTable = 60

  private mutating func write(_ block: Block) {
    switch block {
    case .heading(let level, let text, let anchor):
      let id = anchor.map { " id=\"\(HTMLText.escape($0))\"" } ?? ""
      line("<h\(level)\(id)>\(HTMLText.escape(text))</h\(level)>")
    case .text(let text): line("<p>\(HTMLText.escape(text))</p>")
    case .notes(let notes): list(notes)
    case .links(let links):
      let items = links.map { "<a href=\"#\(HTMLText.escape($0.anchor))\">\(HTMLText.escape($0.text))</a>" }
      line("<nav>\(items.joined(separator: " "))</nav>")
    case .tiles(let tiles): self.tiles(tiles)
    case .table(let table): self.table(table)
    case .charts(let charts):
      line("<div class=\"charts\">")
      for chart in charts { line("<figure>\(SVGChart(chart).inline)</figure>") }
      line("</div>")
    case .picture(let picture): self.picture(picture)
    case .details(let summary, let blocks):
      line("<details><summary>\(HTMLText.escape(summary))</summary>")
      for block in blocks { write(block) }
      line("</details>")
    case .code(let text): line("<pre>\(HTMLText.escape(text))</pre>")
    }
  }

  private mutating func line(_ text: String) { out += text + "\n" }

  private mutating func list(_ notes: [String]) {
    guard !notes.isEmpty else { return }
    line("<ul class=\"notes\">")
    for note in notes { line("<li>\(HTMLText.escape(note))</li>") }
    line("</ul>")
  }

  private mutating func tiles(_ tiles: [(label: String, cell: Cell)]) {
    line("<dl class=\"tiles\">")
    for (label, cell) in tiles {
      line(
        "<div><dt>\(HTMLText.escape(label))</dt><dd\(attributes(cell, classes: []))>\(content(cell))</dd></div>"
      )
    }
    line("</dl>")
  }

  private mutating func table(_ table: Table) {
    line("<div class=\"table\(table.rows.count > Self.longTable ? " long" : "")\"><table>")
    let heads = table.columns.map {
      "<th\($0.isNumber ? " class=\"n\"" : "")>\(HTMLText.escape($0.title))</th>"
    }
    line("<thead><tr>\(heads.joined())</tr></thead>")
    line("<tbody>")
    for row in table.rows {
      let cells = zip(table.columns, row).map { column, cell in
        let classes =
          (column.isNumber ? ["n"] : []) + (cell.isStrong ? ["strong"] : [])
          + (cell.colour == nil ? [] : ["run"])
        return "<td\(attributes(cell, classes: classes))>\(content(cell))</td>"
      }
      line("<tr>\(cells.joined())</tr>")
    }
    line("</tbody></table></div>")
    if let note = table.note { line("<p class=\"note\">\(HTMLText.escape(note))</p>") }
  }

  private func content(_ cell: Cell) -> String {
    let mark = cell.colour.map { "<i class=\"k\($0 % PageStyle.colourCount)\"></i>" } ?? ""
    return mark + HTMLText.escape(cell.text)
  }

  private func attributes(_ cell: Cell, classes: [String]) -> String {
    var text = classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\""
    guard let figure = cell.figure else { return text }
    text +=
      " title=\"\(figure.exactText)\" data-run=\"\(figure.run)\" data-file=\"\(HTMLText.escape(figure.file))\""
    text += " data-key=\"\(HTMLText.escape(figure.key))\" data-step=\"\(figure.step)\""
    return text + " data-value=\"\(figure.exactText)\""
  }

  private mutating func picture(_ picture: Picture) {
    let data = picture.png.base64EncodedString()
    let alternative = HTMLText.escape(picture.alternative)
    line(
      "<figure class=\"picture\"><img alt=\"\(alternative)\" src=\"data:image/png;base64,\(data)\"></figure>")
  }
}
