import Imaging
import Testing

@testable import Charts

struct FlameChartTests {
  private func colours(_ picture: RGBImage, row: Int) -> [Int] {
    (0..<picture.width).map { column in
      let pixel = picture[column, row]
      return FlameChart.Kind.allCases.firstIndex { $0.colour == pixel } ?? -1
    }
  }

  @Test func spansAreAsWideAsTheyAreLong() throws {
    let chart = FlameChart(
      title: "Step", subtitle: "",
      root: .init(
        label: "", note: "", length: 4, kind: .section,
        children: [
          .init(label: "", note: "", length: 3, kind: .product),
          .init(label: "", note: "", length: 1, kind: .norm),
        ]), bars: [])
    let picture = chart.draw(font: try ChartFont.open())
    let top = 28 + 76
    let (whole, parts) = (colours(picture, row: top + 3), colours(picture, row: top + 44 + 3))
    let room = whole.filter { $0 == FlameChart.Kind.section.rawValue }.count
    let products = parts.filter { $0 == FlameChart.Kind.product.rawValue }.count
    let norms = parts.filter { $0 == FlameChart.Kind.norm.rawValue }.count
    #expect(abs(products - room * 3 / 4) <= 2 && abs(norms - room / 4) <= 2)
  }

  @Test(arguments: [0.0, 1e-9, 1e9])
  func anyLengthCanBeDrawn(length: Double) throws {
    let span = FlameChart.Span(
      label: "a", note: "b", length: length, kind: .other,
      children: (0..<3).map { _ in .init(label: "c", note: "", length: length / 3, kind: .update) })
    let chart = FlameChart(
      title: "t", subtitle: "s", root: span,
      bars: [.init(label: "l", note: "n", length: length, kind: .attention)])
    #expect(chart.draw(font: try ChartFont.open()).width == 1500)
  }
}
