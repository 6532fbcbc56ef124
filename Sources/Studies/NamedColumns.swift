import Basics
import Curation
import Foundation

/// Reads columns of a CSV or TSV file by the names in its head.
struct NamedColumns {
  private var reader: DelimitedReader
  private let places: [Int?]
  private let columnCount: Int
  private let path: String

  /// - Parameter optional: columns that need not be there.
  init(_ path: String, _ names: [String], optional: [String] = []) throws {
    let url = URL(fileURLWithPath: path)
    self.path = path
    reader = try DelimitedReader(url, delimiter: UInt8(ascii: url.pathExtension == "tsv" ? "\t" : ","))
    let head = try reader.next()?.fields.map { String(decoding: $0, as: UTF8.self) } ?? []
    guard names.allSatisfy(head.contains) else {
      throw KelipError(
        "the columns are \(head.joined(separator: ", "))", at: path,
        hint: "name \(names.count) of them \(names.joined(separator: " and "))")
    }
    places = (names + optional).map(head.firstIndex)
    columnCount = head.count
  }

  /// The columns of the next row, in the order of the names; nil at the end. A column that is not there is nil.
  mutating func next() throws -> [String?]? {
    guard let record = try reader.next() else { return nil }
    guard record.fields.count == columnCount else {
      throw KelipError(
        "the record at byte \(record.offset) has \(record.fields.count) of \(columnCount) fields", at: path)
    }
    return places.map { $0.map { String(decoding: record.fields[$0], as: UTF8.self) } }
  }
}
