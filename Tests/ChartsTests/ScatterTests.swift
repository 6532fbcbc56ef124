import Basics
import Imaging
import Testing

@testable import Charts

@Suite struct ScatterTests {
  private let points = [
    ScatterPanel.Point("one", x: .init(10, deviation: 2), y: .init(1)),
    ScatterPanel.Point("two", x: .init(20), y: .init(3, deviation: 1)),
  ]

  @Test func axesCoverMeansAndSpread() {
    let range = ScatterDrawing.range(points.map(\.x))
    #expect(range.lowerBound == 8 - 1.2 && range.upperBound == 20 + 1.2)
    #expect(ScatterDrawing.range([.init(0)]) == -0.5...0.5)
    #expect(ScatterDrawing.range([]).upperBound > 0)
  }

  @Test func higherValuesStandHigherAndToTheRight() {
    let panel = ScatterPanel(title: "t", xAxis: "x", yAxis: "y", points: points)
    let drawing = ScatterDrawing(panel, Box(x: 0, y: 0, width: 560, height: 330))
    let (low, high) = (drawing.place(10, 1), drawing.place(20, 3))
    #expect(low.x < high.x && low.y > high.y)
    #expect(low.x >= drawing.plot.x && high.x <= drawing.plot.x + drawing.plot.width)
  }

  @Test func namesDoNotStandOnEachOther() {
    let plot = Box(x: 0, y: 0, width: 300, height: 200)
    let marks = [(x: 100, y: 100), (x: 104, y: 101), (x: 290, y: 190), (x: 2, y: 2)]
    let boxes = ScatterLabels(plot: plot, height: 14, lines: []).places(marks, widths: [60, 60, 60, 60])
    for (index, box) in boxes.enumerated() {
      #expect(box.x >= 0 && box.x + box.width <= 300, "\(box)")
      for other in boxes[..<index] {
        #expect(box.x >= other.x + 60 || other.x >= box.x + 60 || abs(box.y - other.y) >= 14)
      }
    }
  }

  @Test(arguments: [0, 1, 2]) func panelsAreDrawn(count: Int) throws {
    func draw(_ points: [ScatterPanel.Point]) throws -> RGBImage {
      let panel = ScatterPanel(title: "t", xAxis: "x", yAxis: "y", points: points)
      return try ChartSheet(title: "sheet", panels: [.scatter(panel)]).draw(font: ChartFont.open())
    }
    let image = try draw(Array(points.prefix(count)))
    #expect(image.width > 560)
    // The first point's colour is there when it is.
    let blue = (0..<image.height).contains { y in
      (0..<image.width).contains { x in image[x, y] == ChartColour.series }
    }
    #expect(blue == (count > 0))
  }
}
