import Basics
import Foundation
import Testing

@testable import Reports

@Suite struct DocumentTests {
  private let evil = "<script>alert('x')</script> \"q\" & | `c` *b* [l](u) \u{1}한국어"

  @Test func foreignTextIsEscapedInHTML() {
    let blocks: [Block] = [
      .heading(1, evil, anchor: evil), .text(evil), .notes([evil]), .links([(evil, "a")]), .code(evil),
      .tiles([(evil, Cell(evil))]), .table(Table([evil], [[Cell(evil)]], note: evil)),
      .details(evil, [.text(evil)]),
      .picture(Picture(fileName: "p", alternative: evil, png: Data())),
      .charts([LineChart(title: evil, unit: evil, fileName: "c", series: [])]),
    ]
    let html = HTMLWriter.document(blocks, title: evil)
    #expect(!html.contains("<script") && !html.contains("alert('x')") && !html.contains("\u{1}"))
    #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;q&quot; &amp; | "))
    #expect(html.contains("한국어"))
  }

  @Test func markdownTablesKeepTheirShape() {
    let cell = Cell("a|b\nc <i> `d` \\ https://x.y")
    let text = MarkdownWriter.document(
      [.table(Table(["x|y", "#n"], [[cell, Cell.count(1234)]]))], folder: "f"
    ).text
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3 && lines[1] == "| --- | ---: |")
    #expect(lines[0] == #"| x\|y | n |"#)
    #expect(lines[2].contains(#"a\|b c \<i\> \`d\` \\ "#) && !lines[2].contains("https://"))
    #expect(lines[2].hasSuffix("| 1,234 |"))
  }

  @Test func aFenceIsLongerThanWhatItHolds() {
    let text = MarkdownWriter.document([.code("a\n````\nb\n")], folder: "f").text
    #expect(text == "`````\na\n````\nb\n`````\n\n")
  }

  @Test func picturesOfOneNameAreKeptApart() {
    let chart = LineChart(title: "a (b)", unit: "", fileName: "loss", series: [])
    let (text, files) = MarkdownWriter.document([.charts([chart, chart])], folder: "my files")
    #expect(files.map(\.name) == ["loss.svg", "2-loss.svg"])
    #expect(text.contains("(my%20files/loss.svg)") && text.contains("(my%20files/2-loss.svg)"))
  }

  @Test(arguments: [0.1 + 0.2, 3e-300, 5.641692485861498, -0.25, 1e300, 59648, 1e15, 123456789012345])
  func figuresHoldTheWholeValue(_ value: Double) throws {
    let figure = Figure(run: 0, key: "loss", step: 1, value: value)
    #expect(Double(figure.exactText) == value)
    let html = HTMLWriter.document([.table(Table(["#v"], [[Cell(figure)]]))], title: "t")
    #expect(html.contains("data-key=\"loss\" data-step=\"1\" data-value=\"\(figure.exactText)\""))
  }

  @Test func shownDigitsAreFour() {
    #expect(Cell.short(5.641692485861498) == "5.642" && Cell.short(59648) == "59,648")
    #expect(Cell.short(1e-05) == "1e-05" && Cell.short(nil) == "not finite" && Cell.short(0) == "0")
  }

  @Test func wordsForAmounts() {
    #expect(counted(1, "line") == "1 line" && counted(2000, "line") == "2,000 lines")
    #expect(duration(3.44) == "3.4 s" && duration(3661) == "1 h 1 min" && duration(.nan) == "–")
    #expect(byteText(37_167_412) == "37.2 MB" && byteText(12) == "12 bytes")
    #expect(timeText(Date(timeIntervalSince1970: 0)) == "1970-01-01 00:00:00")
  }
}
