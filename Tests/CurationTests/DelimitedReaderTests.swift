import Basics
import Foundation
import TestFolders
import Testing

@testable import Curation

@Suite struct DelimitedReaderTests {
  private func records(_ text: String, quotes: Bool = true, offset: Int = 0) throws -> [[String]] {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, as: "t.csv")
    var reader = try DelimitedReader(
      URL(fileURLWithPath: path), delimiter: UInt8(ascii: ","), honoursQuotes: quotes, offset: offset)
    var result: [[String]] = []
    while let record = try reader.next() {
      result.append(record.fields.map { String(decoding: $0, as: UTF8.self) })
    }
    return result
  }

  @Test(arguments: [
    ("a,b\nc,d\n", [["a", "b"], ["c", "d"]]), ("a,b\r\nc,d", [["a", "b"], ["c", "d"]]),
    ("a\rb", [["a"], ["b"]]),
    ("\u{FEFF}a,b", [["a", "b"]]), ("", []), ("\n\r\n\n", []), (",\n", [["", ""]]), ("a,\n", [["a", ""]]),
    ("\"a,b\",c", [["a,b", "c"]]), ("\"say \"\"hi\"\"\",x", [["say \"hi\"", "x"]]),
    ("\"line\r\none\",x\ny", [["line\r\none", "x"], ["y"]]), ("a\"b,c\"", [["a\"b", "c\""]]),
    ("\"a\"b,c", [["ab", "c"]]), ("\"open,\nend", [["open,\nend"]]),
    ("그림.jpg,\"빨간, 사과\"\n", [["그림.jpg", "빨간, 사과"]]),
    ("\"\"\n", [[""]]),
  ])
  func recordsAreRFC4180(text: String, expected: [[String]]) throws {
    #expect(try records(text) == expected)
  }

  @Test func quotesMayBeCharacters() throws {
    #expect(try records("\"a,b\"\n6\" nail,x", quotes: false) == [["\"a", "b\""], ["6\" nail", "x"]])
  }

  @Test func aRecordMayCrossPieces() throws {
    let long = String(repeating: "가나다", count: 60_000)
    let text = (0..<4).map { "\($0),\"\(long)\n\"\"\($0)\"\r\n" }.joined()
    let found = try records(text)
    #expect(found.count == 4 && found[3] == ["3", long + "\n\"3"])
  }

  @Test func anOpenQuoteEndsSomewhere() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("\"" + String(repeating: "x\n", count: 9 << 20), as: "t.csv")
    var reader = try DelimitedReader(URL(fileURLWithPath: path), delimiter: 44)
    #expect(throws: KelipError.self) { try reader.next() }
  }

  @Test func offsetsLeadBackToTheirRecords() throws {
    let text = "h,i\n" + (0..<25).map { "\($0),\"x\n\(String(repeating: "y", count: $0))\"\n\n" }.joined()
    let folder = try TemporaryFolder()
    let path = try folder.write(text, as: "t.csv")
    let url = URL(fileURLWithPath: path)
    let offsets = try TableSource.scan(url, columns: TableColumns(image: "h", caption: "i"), stride: 7)
    #expect(offsets.count == 25 && offsets.starts.count == 4)
    for (place, offset) in offsets.starts.enumerated() {
      #expect(try records(text, offset: offset)[0][0] == "\(7 * place)")
    }
  }
}
