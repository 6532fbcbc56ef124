import Imaging
import Testing

@testable import Charts

@Suite struct LineTests {
  private func panel(_ series: [LinePanel.Series], yScale: LinePanel.Scale = .linear) -> LinePanel {
    LinePanel(title: "t", xAxis: "nodes", xScale: .logarithmic, yScale: yScale, series: series)
  }

  @Test func pointsLieWhereTheAxesPutThem() {
    let series = LinePanel.Series("a", [.init(1, 0), .init(10, 50), .init(100, 100)])
    let drawing = LineDrawing(panel([series]), Box(x: 0, y: 0, width: 400, height: 300))
    let places = series.points.map(drawing.place)
    let plot = drawing.plot
    #expect(places[0] == (plot.x, plot.y + plot.height))
    #expect(places[2] == (plot.x + plot.width, plot.y))
    #expect(places[1].x == plot.x + plot.width / 2 && abs(places[1].y - plot.y - plot.height / 2) <= 1)
  }

  @Test func linearAxesBeginAtZeroAndEndRound() {
    let axis = PlotAxis(.linear, covering: [3, 83])
    #expect(axis.range == 0...100 && axis.position(of: 50) == 0.5)
    #expect(PlotAxis(.linear, covering: [0, 0]).range.upperBound > 0)
    #expect(PlotAxis(.linear, covering: []).range.upperBound > 0)
  }

  @Test func oneValueHasALogarithmicAxisAroundIt() {
    let axis = PlotAxis(.logarithmic, covering: [8, 8])
    #expect(axis.range == 4...16 && abs(axis.position(of: 8) - 0.5) < 1e-12)
  }

  @Test(arguments: [0, 1, 2, 5])
  func everyNumberOfPointsIsDrawn(count: Int) throws {
    let points = (0..<count).map { LinePanel.Point(Double(1 << $0), Double(1 + $0)) }
    let sheet = ChartSheet(
      title: "lines",
      panels: [LinePanel.Scale.linear, .logarithmic].map {
        .lines(panel([.init("is", points), .init("would be", points, isReference: true)], yScale: $0))
      }, columns: 2)
    let image = sheet.draw(font: try ChartFont.open())
    let isDrawn = (0..<image.height).contains { y in
      (0..<image.width).contains { image[$0, y] == ChartColour.series }
    }
    // The legend has a patch of the colour in any case.
    #expect(isDrawn)
  }
}
