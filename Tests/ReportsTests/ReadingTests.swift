import Basics
import Foundation
import TestFolders
import Testing

@testable import Reports

@Suite struct ReadingTests {
  private func values(_ text: String) -> [String: FlatJSON.Value]? {
    Data(text.utf8).withUnsafeBytes(FlatJSON.values)
  }

  @Test func documentsAreReadAsPathsAndValues() {
    #expect(
      values(#" {"a": 1, "b": {"c": [null, true, "x\n한"], "d": []}, "e": -2.5e-3} "#) == [
        "a": .number(1), "b.c.0": .null, "b.c.1": .bool(true), "b.c.2": .text("x\n한"), "e": .number(-0.0025),
      ])
    #expect(values("{}") == [:])
    #expect(values(#"{"a\"b": 1}"#) == [#"a\"b"#: .number(1)])
  }

  @Test(arguments: [
    "", "1", "[]", "{", "{\"a\"}", "{\"a\": }", "{\"a\": 1", "{\"a\": 1} x", "{\"a\": nul}", "{\"a\": inf}",
    "{\"a\": 0x10}", "{\"a\": 1e}", "{\"a\": \"", "{\"a\": \"\\", "{\"a\": 1,}", "{\"a\": [1}",
    String(repeating: "{\"a\": ", count: 100) + "1" + String(repeating: "}", count: 100),
  ])
  func whatIsNoObjectIsRefused(_ text: String) { #expect(values(text) == nil) }

  @Test func numbersKeepAllTheirBits() throws {
    for number in [5.641692485861498, 0.1 + 0.2, 3e-300, 1.7976931348623157e308, -0.0, 59648] {
      let found = try #require(values("{\"a\": \(number)}")?["a"])
      guard case .number(let value) = found else {
        Issue.record("\(number) is no number")
        continue
      }
      #expect(value.bitPattern == number.bitPattern)
    }
  }

  @Test func linesOfEveryLengthAreSeenWhole() throws {
    let folder = try TemporaryFolder()
    let lines = [
      "", "a", String(repeating: "b", count: (1 << 20) - 2), String(repeating: "c", count: 3 << 20), "d",
    ]
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder.file("f"))
    var found: [String] = []
    let summary = try LineReader(folder.file("f")).read { found.append(String(decoding: $0, as: UTF8.self)) }
    #expect(found == lines)
    #expect(summary == LineReader.Summary(lineCount: 5))
  }

  @Test func halfALineAndOverlongOnesAreTold() throws {
    let folder = try TemporaryFolder()
    let long = String(repeating: "x", count: LineReader.maximumLineBytes + 1)
    try Data("a\n\(long)\nb\nhal".utf8).write(to: folder.file("f"))
    var found: [String] = []
    let summary = try LineReader(folder.file("f")).read { found.append(String(decoding: $0, as: UTF8.self)) }
    #expect(found == ["a", "b"])
    #expect(summary == LineReader.Summary(lineCount: 3, overlongCount: 1, isTorn: true))
    #expect(try LineReader(folder.file("absent")).read { _ in } == nil)
    #expect(throws: KelipError.self) { try LineReader(folder.url).read { _ in } }
  }

  @Test func shortCurvesAreExact() {
    var curve = ThinnedCurve()
    for step in stride(from: 7, through: 997, by: 10) { curve.add(step: step, value: Double(step)) }
    #expect(curve.stepsPerPoint == 1 && curve.points.count == 100)
    #expect(curve.points.allSatisfy { $0.mean == Double($0.step) && $0.smallest == $0.largest })
  }

  @Test(arguments: [1000, 1001, 4099, 1_000_003]) func longCurvesKeepSumsAndExtremes(_ count: Int) {
    var curve = ThinnedCurve()
    for step in 1...count { curve.add(step: step, value: step.isMultiple(of: 97) ? nil : Double(step)) }
    let missing = count / 97
    #expect(curve.points.count <= ThinnedCurve.capacity && curve.points.count >= min(count, 500))
    #expect(curve.points.reduce(0) { $0 + $1.count } == count - missing)
    #expect(curve.points.reduce(0) { $0 + $1.missingCount } == missing)
    let sum = curve.points.reduce(0) { $0 + $1.sum }
    #expect(sum == Double(count * (count + 1) / 2 - 97 * missing * (missing + 1) / 2))
    #expect(curve.points.first?.smallest == 1 && curve.points.last?.step == count)
    #expect(zip(curve.points, curve.points.dropFirst()).allSatisfy { $0.largest < $1.smallest })
  }

  @Test func aStepFarAwayEndsNothing() {
    var curve = ThinnedCurve()
    curve.add(step: 1, value: 1)
    curve.add(step: Int.max, value: 2)
    #expect(curve.points.count == 2)
  }

  @Test func quantilesAreExactUntilTheyAreThinned() throws {
    var exact = Quantiles()
    #expect(exact([0.5]) == nil)
    for value in (1...101).reversed() { exact.add(Double(value)) }
    #expect(exact([0, 0.05, 0.5, 0.95, 1]) == [1, 6, 51, 96, 101])
    var thinned = Quantiles(capacity: 64)
    for value in 1...10_007 { thinned.add(Double(value)) }
    let median = try #require(thinned([0.5])?.first)
    #expect(thinned.stride > 1 && abs(median - 5004) < 400)
  }
}
