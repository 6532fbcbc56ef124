import Basics
import Configuration
import Foundation

/// How a table names its columns.
package struct TableColumns: Sendable {
  package var image: String?
  package var caption: String?
  package var language: String?
  /// Takes quotes as they are.
  package var ignoresQuotes = false

  package init(
    image: String? = nil, caption: String? = nil, language: String? = nil, ignoresQuotes: Bool = false
  ) {
    (self.image, self.caption, self.language) = (image, caption, language)
    self.ignoresQuotes = ignoresQuotes
  }

  static let imageNames = ["image", "file_name", "filename", "filepath", "file", "path", "image_path"]
  static let captionNames = ["caption", "text", "title", "alt"]
}

/// Where every so many-th row of a table begins, so that any rank can start in the middle.
struct RowOffsets: Codable, Equatable {
  var count = 0
  /// Of rows 0, stride, 2 · stride, …
  var starts: [Int] = []
  var stride: Int
}

/// A CSV or TSV file with a head.
struct TableSource: ImportSource {
  let url: URL
  let delimiter: UInt8
  let offsets: RowOffsets
  private let columns: Columns

  var count: Int { offsets.count }

  /// Places of the columns in a record.
  private struct Columns {
    var image: Int
    var caption: Int
    var language: Int?
    var honoursQuotes: Bool
  }

  /// - Parameter offsets: as `scan` gave them.
  init(_ url: URL, columns: TableColumns, offsets: RowOffsets) throws {
    self.url = url
    self.offsets = offsets
    delimiter = Self.delimiter(url)
    self.columns = try Self.columns(url, columns)
  }

  static func delimiter(_ url: URL) -> UInt8 {
    url.pathExtension.lowercased() == "tsv" ? UInt8(ascii: "\t") : UInt8(ascii: ",")
  }

  /// Reads the whole table once.
  static func scan(_ url: URL, columns: TableColumns, stride: Int) throws -> RowOffsets {
    _ = try Self.columns(url, columns)
    var reader = try DelimitedReader(
      url, delimiter: delimiter(url), honoursQuotes: !columns.ignoresQuotes)
    _ = try reader.next()
    var offsets = RowOffsets(stride: stride)
    while let record = try reader.next() {
      if offsets.count.isMultiple(of: stride) { offsets.starts.append(record.offset) }
      offsets.count += 1
    }
    return offsets
  }

  private static func columns(_ url: URL, _ wanted: TableColumns) throws -> Columns {
    var reader = try DelimitedReader(url, delimiter: delimiter(url), honoursQuotes: !wanted.ignoresQuotes)
    guard let head = try reader.next() else { throw KelipError("the table is empty", at: url.path) }
    let names = head.fields.map { String(decoding: $0, as: UTF8.self) }
    func place(_ given: String?, _ usual: [String], _ option: String) throws -> Int {
      if let place = (given.map { [$0] } ?? usual).lazy.compactMap({ names.firstIndex(of: $0) }).first {
        return place
      }
      let asked = given ?? usual[0]
      let nearest = names.min { ConfigReader.distance($0, asked) < ConfigReader.distance($1, asked) } ?? ""
      throw KelipError(
        given.map { "no column \"\($0)\"" } ?? "no column named \(usual.joined(separator: ", "))",
        at: url.path,
        hint: "give \(option); the columns are \(names.joined(separator: ", ")) (did you mean \(nearest)?)")
    }
    return Columns(
      image: try place(wanted.image, TableColumns.imageNames, "--image-column"),
      caption: try place(wanted.caption, TableColumns.captionNames, "--caption-column"),
      language: try wanted.language.map { try place($0, [], "--language-column") },
      honoursQuotes: !wanted.ignoresQuotes)
  }

  func forEach(in range: Range<Int>, _ body: (Int, Result<ImportRow, NamedFault>) throws -> Void) throws {
    guard !range.isEmpty else { return }
    precondition(range.lowerBound.isMultiple(of: offsets.stride))
    var reader = try DelimitedReader(
      url, delimiter: delimiter, honoursQuotes: columns.honoursQuotes,
      offset: offsets.starts[range.lowerBound / offsets.stride])
    for number in range {
      guard let record = try reader.next() else {
        throw KelipError(
          "the table has fewer rows than before", at: url.path, hint: "it changed: remove the output folder")
      }
      try body(number, row(number, record))
    }
  }

  private func row(_ number: Int, _ record: DelimitedReader.Record) -> Result<ImportRow, NamedFault> {
    let last = max(columns.image, columns.caption, columns.language ?? 0)
    guard record.fields.count > last else {
      return .failure(NamedFault(name: "", fault: .fieldsMissing))
    }
    let path = record.fields[columns.image]
    guard let name = String(validating: path, as: UTF8.self) else {
      return .failure(NamedFault(name: String(decoding: path, as: UTF8.self), fault: .pathNotUTF8))
    }
    return .success(
      ImportRow(
        number: number, name: name, picture: .file(name), caption: .bytes(record.fields[columns.caption]),
        language: columns.language.map { String(decoding: record.fields[$0], as: UTF8.self) },
        metadata: ["source": name]))
  }

  /// Image names and captions of a small table that lies in a folder of pictures.
  static func captions(_ url: URL, columns: TableColumns) throws -> [String: [UInt8]] {
    let places = try Self.columns(url, columns)
    var reader = try DelimitedReader(url, delimiter: delimiter(url), honoursQuotes: places.honoursQuotes)
    _ = try reader.next()
    var captions: [String: [UInt8]] = [:]
    while let record = try reader.next() {
      guard record.fields.count > max(places.image, places.caption) else { continue }
      captions[String(decoding: record.fields[places.image], as: UTF8.self)] = record.fields[places.caption]
    }
    return captions
  }
}
