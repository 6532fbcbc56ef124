import Basics
import Foundation

/// Writes blocks as Markdown with tables, as GitHub reads it. Pictures and curves are files beside it.
struct MarkdownWriter {
  private var out = ""
  /// What the text refers to, by name within the folder.
  private(set) var files: [(name: String, data: Data)] = []
  private let folder: String

  /// - Parameter folder: the name of the pictures' folder, which lies beside the text.
  static func document(_ blocks: [Block], folder: String) -> (
    text: String, files: [(name: String, data: Data)]
  ) {
    var writer = MarkdownWriter(folder: folder)
    for block in blocks { writer.write(block) }
    return (writer.out, writer.files)
  }

  private init(folder: String) { self.folder = folder }

  private mutating func write(_ block: Block) {
    switch block {
    case .heading(let level, let text, let anchor):
      if let anchor { out += "<a id=\"\(HTMLText.escape(anchor))\"></a>\n\n" }
      paragraph(String(repeating: "#", count: level) + " " + MarkdownText.escape(text))
    case .text(let text): paragraph(MarkdownText.escape(text))
    case .notes(let notes):
      if !notes.isEmpty { paragraph(notes.map { "- \(MarkdownText.escape($0))" }.joined(separator: "\n")) }
    case .links(let links):
      paragraph(links.map { "[\(MarkdownText.escape($0.text))](#\($0.anchor))" }.joined(separator: " · "))
    case .tiles(let tiles): table(Table(["Figure", "#Value"], tiles.map { [Cell($0.label), $0.cell] }))
    case .table(let table): self.table(table)
    case .charts(let charts):
      for chart in charts {
        image(chart.title, chart.fileName + ".svg", Data(SVGChart(chart).file.utf8))
      }
    case .picture(let picture): image(picture.alternative, picture.fileName, picture.png)
    case .details(let summary, let blocks):
      paragraph("<details><summary>\(HTMLText.escape(summary))</summary>")
      for block in blocks { write(block) }
      paragraph("</details>")
    case .code(let text): code(text)
    }
  }

  private mutating func paragraph(_ text: String) { out += text + "\n\n" }

  private mutating func table(_ table: Table) {
    func row(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |\n" }
    out += row(table.columns.map { MarkdownText.escape($0.title) })
    out += row(table.columns.map { $0.isNumber ? "---:" : "---" })
    for cells in table.rows { out += row(cells.map(Self.text)) }
    out += "\n"
    if let note = table.note { paragraph(MarkdownText.escape(note)) }
  }

  /// Copied numbers stand there in full: no one can hover over them.
  private static func text(_ cell: Cell) -> String {
    let text = MarkdownText.escape(cell.figure?.exactText ?? cell.text)
    return cell.isStrong && !text.isEmpty ? "**\(text)**" : text
  }

  private mutating func image(_ title: String, _ fileName: String, _ data: Data) {
    var name = fileName
    var number = 2
    while files.contains(where: { $0.name == name }) {
      name = "\(number)-\(fileName)"
      number += 1
    }
    files.append((name, data))
    let path = "\(folder)/\(name)".addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? name
    let safe = path.replacing("(", with: "%28").replacing(")", with: "%29")
    paragraph("![\(MarkdownText.escape(title))](\(safe))")
  }

  private mutating func code(_ text: String) {
    let longest = text.split(omittingEmptySubsequences: true) { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    let body = text.hasSuffix("\n") ? String(text.dropLast()) : text
    paragraph("\(fence)\n\(body)\n\(fence)")
  }
}
