import Foundation
import Testing

@testable import Basics

@Suite struct JSONTextTests {
  private func parsed(_ value: JSONText) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(value.text.utf8), options: .fragmentsAllowed)
  }

  @Test(arguments: [
    "", "a", "\"", "\\", "\\\"\\", "\n\r\t", "\u{0}\u{1}\u{1F}\u{8}\u{C}", "/", "그림 🖼️ e\u{301}",
    "\u{7F}\u{2028}",
    "\r\n",
  ])
  func textsReadBackAsTheyAre(text: String) throws {
    let back = try #require(try parsed(.string(text)) as? String)
    // By scalars: equality of strings would not see a change of normal form.
    #expect(Array(back.unicodeScalars) == Array(text.unicodeScalars))
    let key = try #require(try parsed(.object([(text, .integer(1))])) as? [String: Int])
    #expect(key[text] == 1)
    #expect(!JSONText.string(text).text.contains("\n"))
  }

  @Test(arguments: [
    0, -0.0, 1, -1.5, 0.1, 1e-06, 1e300, .leastNonzeroMagnitude, .pi, 1 / 3, 2.6592600369, 123_456_789.123,
    1e21, 1e16,
    .greatestFiniteMagnitude, .leastNormalMagnitude, 0.1 + 0.2,
  ])
  func numbersReadBackToTheLastBit(number: Double) throws {
    // Through the C library: Foundation's own reader may miss the last bit.
    #expect(strtod(JSONText.number(number).text, nil).bitPattern == number.bitPattern)
    #expect(try parsed(.number(number)) is NSNumber)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, .signalingNaN]) func notANumberIsNull(number: Double) {
    #expect(JSONText.number(number).text == "null")
  }

  @Test(arguments: [0, -1, .max, .min]) func integersStayWhole(number: Int) {
    #expect(JSONText.integer(number).text == String(number))
  }

  @Test func keysKeepTheirOrder() {
    let value = JSONText.object([
      ("z", .null), ("a", .array([.bool(true), .integer(2), .array([])])), ("m", .object([])),
      ("z", .bool(false)),
    ])
    #expect(value.text == #"{"z": null, "a": [true, 2, []], "m": {}, "z": false}"#)
  }
}
