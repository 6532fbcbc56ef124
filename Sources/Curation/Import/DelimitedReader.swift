import Basics
import Foundation

/// Reads CSV or TSV record by record with bounded memory (RFC 4180): quoted fields, doubled quotes, line ends within
/// quotes; CR, LF or both end a record; a byte order mark is passed over; empty lines are no records.
package struct DelimitedReader {
  package struct Record: Equatable {
    /// Where it begins in the file.
    package var offset: Int
    package var fields: [[UInt8]]
  }

  /// A record beyond this has an open quote somewhere.
  static let largestRecord = 16 << 20
  private static let pieceSize = 256 << 10

  private let handle: FileHandle
  private let path: String
  private let delimiter: UInt8
  private let honoursQuotes: Bool
  private var piece: [UInt8] = []
  private var index = 0
  /// Of the piece's first byte.
  private var pieceOffset: Int

  /// - Parameter offset: where a record begins; 0 for the head of the file.
  package init(_ url: URL, delimiter: UInt8, honoursQuotes: Bool = true, offset: Int = 0) throws {
    path = url.path
    self.delimiter = delimiter
    self.honoursQuotes = honoursQuotes
    pieceOffset = offset
    do {
      handle = try FileHandle(forReadingFrom: url)
      try handle.seek(toOffset: UInt64(offset))
    } catch {
      throw KelipError("cannot open the table: \(error.localizedDescription)", at: url.path)
    }
    if offset == 0, try peek() == 0xEF, piece.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
  }

  /// The next record, or nil at the end.
  package mutating func next() throws -> Record? {
    while let first = try peek() {
      if first == carriageReturn || first == lineFeed { index += 1 } else { return try record() }
    }
    return nil
  }

  private let carriageReturn = UInt8(ascii: "\r")
  private let lineFeed = UInt8(ascii: "\n")
  private let quote = UInt8(ascii: "\"")

  private mutating func record() throws -> Record {
    var record = Record(offset: pieceOffset + index, fields: [])
    var field: [UInt8] = []
    var size = 0
    var isQuoted = false
    var isAtStart = true
    while let byte = try peek() {
      index += 1
      size += 1
      guard size <= Self.largestRecord else { throw tooLarge(record) }
      if isQuoted {
        if byte != quote {
          field.append(byte)
        } else if try peek() == quote {
          index += 1
          field.append(quote)
        } else {
          isQuoted = false
        }
        continue
      }
      if honoursQuotes, isAtStart, byte == quote {
        (isQuoted, isAtStart) = (true, false)
      } else if byte == delimiter {
        record.fields.append(field)
        field.removeAll()
        isAtStart = true
      } else if byte == lineFeed || byte == carriageReturn {
        break
      } else {
        field.append(byte)
        isAtStart = false
      }
    }
    record.fields.append(field)
    return record
  }

  private func tooLarge(_ record: Record) -> KelipError {
    KelipError(
      "the record at byte \(record.offset) has more than \(Self.largestRecord >> 20) MiB", at: path,
      hint: "a quote may be open: --no-quotes takes quotes as they are")
  }

  private mutating func peek() throws -> UInt8? {
    if index < piece.count { return piece[index] }
    do {
      pieceOffset += piece.count
      index = 0
      piece = Array(try handle.read(upToCount: Self.pieceSize) ?? Data())
    } catch {
      throw KelipError("cannot read the table: \(error.localizedDescription)", at: path)
    }
    return piece.first
  }
}
