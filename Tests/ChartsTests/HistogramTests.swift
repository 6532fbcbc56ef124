import Foundation
import Imaging
import Testing

@testable import Charts

@Suite struct BinTests {
  @Test func everyEdgeBelongsToTheBinAboveItAndTheLastToItsOwn() {
    let bins = HistogramBins.linear(from: 0, to: 4, count: 4)
    #expect(bins.edges == [0, 1, 2, 3, 4])
    #expect([0, 0.5, 1, 3.999, 4].map(bins.index) == [0, 0, 1, 3, 3])
    #expect([-0.001, 4.001, .nan, .infinity, -.infinity].allSatisfy { bins.index(of: $0) == nil })
  }

  @Test func whatNoBinTakesIsCounted() {
    var counts = BinnedCounts(.linear(from: 0, to: 2, count: 2))
    for value in [-.infinity, .nan, .infinity, -1, 0, 1, 2, 2.5, 3] { counts.add(value) }
    counts.add(0.5, times: 7)
    #expect(counts.counts == [8, 2])
    #expect(counts.belowCount == 1 && counts.aboveCount == 2 && counts.notFiniteCount == 3)
  }

  @Test func oneValueHasABinAroundIt() {
    #expect(HistogramBins.linear(from: 7, to: 7, count: 9).edges == [6.5, 7.5])
    #expect(HistogramBins.logarithmic(from: 8, to: 8, count: 9).edges == [4, 16])
    #expect(HistogramBins.round(covering: 7...7, about: 9, isInteger: true).edges == [7, 8])
    #expect(HistogramBins.round(covering: 0...0, about: 9).index(of: 0) == 0)
  }

  @Test(arguments: [(0.0, 80.0), (3, 17), (1, 1_048_576), (-3, 5), (0, 3)])
  func roundBinsCoverTheirRangeWithWholeNumbers(low: Double, high: Double) {
    let bins = HistogramBins.round(covering: low...high, about: 40, isInteger: true)
    #expect(bins.index(of: low) == 0 && bins.index(of: high) != nil)
    #expect(bins.edges.allSatisfy { $0 == $0.rounded() })
    #expect((1...82).contains(bins.count))
  }

  @Test func logarithmicBinsHaveOneRatio() {
    let bins = HistogramBins.logarithmic(from: 1, to: 1000, count: 6)
    let ratios = zip(bins.edges, bins.edges.dropFirst()).map { $1 / $0 }
    #expect(ratios.allSatisfy { abs($0 - 10.0.squareRoot()) < 1e-9 })
    #expect(bins.edges.first == 1 && bins.edges.last == 1000)
    #expect(abs(bins.position(of: 10) - 1.0 / 3) < 1e-12)
  }
}

@Suite struct AxisTickTests {
  @Test func linearTicksAreRoundNumbers() {
    #expect(AxisTicks.linear(0...100, count: 5) == [0, 20, 40, 60, 80, 100])
    #expect(
      AxisTicks.linear(-0.2...0.6, count: 4).map(AxisTicks.label) == ["-0.2", "0", "0.2", "0.4", "0.6"])
    #expect(AxisTicks.linear(6.5...7.5, count: 1).map(AxisTicks.label) == ["7"])
    #expect(AxisTicks.linear(0...1e15, count: 4).count <= 6)
  }

  @Test(arguments: [(1.0, 1000.0), (32, 6500), (200, 900), (0.2, 5), (1, 1e12), (5, 6), (3, 3.1)])
  func logarithmicTicksAreFewAndInside(low: Double, high: Double) {
    let ticks = AxisTicks.logarithmic(low...high, count: 10)
    #expect(ticks.count <= 10)
    #expect(ticks.allSatisfy { $0 >= low * 0.999 && $0 <= high * 1.001 })
    #expect(ticks == ticks.sorted())
    if high / low >= 10 { #expect(ticks.count >= 2) }
  }

  @Test func labelsAreShort() {
    let values = [0, 1500, 20_000_000, 1e12, 0.25, 999_999, 1e6 * (1 - 1e-12), -4000]
    #expect(values.map(AxisTicks.label) == ["0", "1.5k", "20M", "1T", "0.25", "1000k", "1M", "-4k"])
  }
}

private let isFontThere = ChartFont.candidates.contains { FileManager.default.fileExists(atPath: $0) }

@Suite(.enabled(if: isFontThere, "needs fonts-nanum or fonts-dejavu-core")) struct PanelDrawingTests {
  private static let frame = Box(
    x: 10, y: 10, width: ChartSheet.panelWidth, height: ChartSheet.panelHeight)

  private static func panel(
    _ counts: [[Int]], _ bins: HistogramBins? = nil, thresholds: [HistogramPanel.Threshold] = []
  ) -> HistogramPanel {
    HistogramPanel(
      title: "길이 length", note: "note", axis: "x",
      bins: bins ?? .linear(from: 0, to: Double(counts[0].count), count: counts[0].count),
      series: counts.enumerated().map { .init("\($0.offset)", $0.element) }, thresholds: thresholds)
  }

  private static func drawn(_ panel: HistogramPanel) throws -> (HistogramDrawing, RGBImage) {
    let drawing = HistogramDrawing(panel, frame)
    var canvas = Canvas(width: 600, height: 380, font: try ChartFont.open())
    drawing.draw(onto: &canvas)
    return (drawing, canvas.image)
  }

  /// Pixels of `colour` in the column at the middle of each bin.
  private static func heights(
    _ drawing: HistogramDrawing, _ image: RGBImage, bins: Int, _ colour: RGBColour = ChartColour.series
  ) -> [Int] {
    (0..<bins).map { bin in
      let x = drawing.plot.x + (2 * bin + 1) * drawing.plot.width / (2 * bins)
      return (0..<image.height).count { image[x, $0] == colour }
    }
  }

  @Test func barsAreAsHighAsTheirCounts() throws {
    let counts = [10, 20, 0, 40, 33]
    let (drawing, image) = try Self.drawn(Self.panel([counts]))
    let heights = Self.heights(drawing, image, bins: 5)
    for (height, count) in zip(heights, counts) {
      #expect(abs(Double(height) - Double(count) / drawing.top * Double(drawing.plot.height)) <= 1)
    }
    #expect(heights[2] == 0 && heights[3] > 100)
  }

  @Test func oneAmongVeryManyIsStillSeen() throws {
    let (drawing, image) = try Self.drawn(Self.panel([[1, Int.max / 2, 0]]))
    let heights = Self.heights(drawing, image, bins: 3)
    #expect(heights[0] == 1 && heights[1] > 100 && heights[2] == 0)
  }

  @Test func whatIsLeftStandsBeforeWhatWas() throws {
    let (drawing, image) = try Self.drawn(Self.panel([[30, 40, 20], [30, 10, 0]]))
    let after = Self.heights(drawing, image, bins: 3)
    let before = Self.heights(drawing, image, bins: 3, ChartColour.earlier)
    #expect(after[0] > 80 && after[1] > 20 && after[2] == 0)
    #expect(before[0] < 3 && before[1] > 2 * after[1] && before[2] > 50)
  }

  @Test func nothingAndOneValueAreDrawn() throws {
    let (drawing, image) = try Self.drawn(Self.panel([[0, 0, 0]]))
    #expect(Self.heights(drawing, image, bins: 3) == [0, 0, 0])
    let (one, picture) = try Self.drawn(Self.panel([[13]], .linear(from: 7, to: 7, count: 1)))
    #expect(abs(Self.heights(one, picture, bins: 1)[0] - one.plot.height * 13 / 15) <= 1)
  }

  @Test func thresholdsStandAtTheirValueIfItIsOnTheAxis() throws {
    let thresholds = [3.0, 9, -1].map { HistogramPanel.Threshold($0, "min \($0)") }
    let (drawing, image) = try Self.drawn(Self.panel([[0, 0, 0, 0]], thresholds: thresholds))
    let middle = drawing.plot.y + drawing.plot.height / 2
    let columns = (0..<image.width).filter { x in
      (middle..<(middle + 10)).contains { image[x, $0] == ChartColour.threshold }
    }
    let expected = drawing.plot.x + drawing.plot.width * 3 / 4
    #expect(columns.count == 2 && columns.allSatisfy { abs($0 - expected) <= 1 })
  }

  @Test func aSheetHasAPlaceForEachPanel() throws {
    let panel = ChartPanel.histogram(Self.panel([[1, 2]]))
    let font = try ChartFont.open()
    let one = ChartSheet(title: "t", panels: [panel]).draw(font: font)
    let four = ChartSheet(title: "t", panels: [ChartPanel](repeating: panel, count: 4)).draw(font: font)
    #expect(one.width == ChartSheet.panelWidth + 56)
    #expect(four.width > 3 * ChartSheet.panelWidth && four.width < 4 * ChartSheet.panelWidth)
    #expect(four.height - one.height > ChartSheet.panelHeight)
    #expect(ChartSheet(title: "t", panels: []).draw(font: font).height > 0)
  }

  @Test func namedBarsAreAsLongAsTheirCounts() throws {
    let bars = [20, 5, 0].map { BarPanel.Bar("ko", $0, earlier: 20) }
    var canvas = Canvas(width: 600, height: 380, font: try ChartFont.open())
    BarDrawing(BarPanel(title: "t", bars: bars), Self.frame).draw(onto: &canvas)
    let lengths = [0, 1, 2].map { row in
      let y = Self.frame.y + PanelHeading.height + 4 + row * 35 + 13
      return (0..<600).count { canvas.image[$0, y] == ChartColour.series }
    }
    #expect(lengths[0] > 100 && abs(lengths[1] - lengths[0] / 4) <= 1 && lengths[2] == 0)
    #expect(
      [(0, 10), (1, 3), (1, 100_000), (99_999, 100_000), (5, 5), (0, 0)].map(BarDrawing.share)
        == ["0 %", "33.3 %", "< 0.1 %", "> 99.9 %", "100 %", ""])
  }
}
