/// Numbers in columns, for people and for Markdown files.
package struct StudyTable: Sendable, Equatable {
  package struct Row: Sendable, Equatable {
    package var label: String
    /// As many as there are columns.
    package var cells: [String]

    package init(_ label: String, _ cells: [String]) { (self.label, self.cells) = (label, cells) }
  }

  package var title: String
  package var columns: [String]
  package var rows: [Row]

  package init(title: String, columns: [String], rows: [Row]) {
    precondition(rows.allSatisfy { $0.cells.count == columns.count }, "cells and columns differ")
    (self.title, self.columns, self.rows) = (title, columns, rows)
  }

  /// Labels to the left, cells to the right.
  package var text: String {
    let labelWidth = rows.map(\.label.count).max() ?? 0
    let widths = columns.indices.map { column in
      max(columns[column].count, rows.map { $0.cells[column].count }.max() ?? 0)
    }
    func line(_ label: String, _ cells: [String]) -> String {
      let padded = label + String(repeating: " ", count: labelWidth - label.count)
      return zip(cells, widths).reduce(padded) { text, cell in
        text + "  " + String(repeating: " ", count: cell.1 - cell.0.count) + cell.0
      }
    }
    return ([title, line("", columns)] + rows.map { line($0.label, $0.cells) }).joined(separator: "\n")
  }

  package var markdown: String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let rule = "|---|" + String(repeating: "---:|", count: columns.count)
    return (["**\(title)**", "", line([""] + columns), rule] + rows.map { line([$0.label] + $0.cells) })
      .joined(separator: "\n")
  }
}
