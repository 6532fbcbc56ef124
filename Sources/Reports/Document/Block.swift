import Foundation

/// A part of a report, written as HTML or as Markdown. All texts are plain: writers escape them.
indirect enum Block {
  /// - Parameter level: from 1.
  case heading(Int, String, anchor: String?)
  case text(String)
  /// What a reader should know of gaps.
  case notes([String])
  /// Links within the document.
  case links([(text: String, anchor: String)])
  /// A few figures that say the most.
  case tiles([(label: String, cell: Cell)])
  case table(Table)
  case charts([LineChart])
  case picture(Picture)
  /// Shown when asked for.
  case details(String, [Block])
  case code(String)

  static func heading(_ level: Int, _ text: String) -> Block { .heading(level, text, anchor: nil) }
}

struct Picture {
  /// For a file beside a Markdown report.
  var fileName: String
  var alternative: String
  var png: Data
}

struct Table {
  struct Column {
    var title: String
    var isNumber = false
  }

  var columns: [Column]
  var rows: [[Cell]]
  /// Below the table.
  var note: String?

  /// - Parameter titles: those of columns of numbers begin with `#`.
  init(_ titles: [String], _ rows: [[Cell]], note: String? = nil) {
    columns = titles.map {
      Column(title: $0.hasPrefix("#") ? String($0.dropFirst()) : $0, isNumber: $0.hasPrefix("#"))
    }
    precondition(rows.allSatisfy { $0.count == titles.count }, "a row of another length")
    (self.rows, self.note) = (rows, note)
  }
}
