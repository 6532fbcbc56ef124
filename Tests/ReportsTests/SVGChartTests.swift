import Foundation
import Testing

@testable import Reports

@Suite struct SVGChartTests {
  private func chart(_ values: [[Double?]], fromZero: Bool = false) -> LineChart {
    let series = values.enumerated().map { index, values in
      var curve = ThinnedCurve()
      for (step, value) in values.enumerated() { curve.add(step: step + 1, value: value) }
      return LineChart.Series(label: "s\(index)", colour: index, curve: curve)
    }
    return LineChart(title: "t", unit: "u", fileName: "f", fromZero: fromZero, series: series)
  }

  @Test(
    arguments: [
      [], [[]], [[1]], [[nil]], [[nil, nil, 3]], [[0, 0, 0]], [[-1, 1]], [[5, 5]], [[1e308, -1e308]],
      [[3e-300, 2e-300]],
      [[1, nil, 1e9]], [(1...5000).map { Double($0 % 7) }],
      [Double](repeating: 1, count: 12).map { [$0, 2] },
    ] as [[[Double?]]])
  func everyChartStaysWithinItsFrame(_ values: [[Double?]]) {
    for fromZero in [false, true] {
      let svg = SVGChart(chart(values, fromZero: fromZero)).inline
      #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>"))
      #expect(!svg.contains("nan") && !svg.contains("inf"))
      for match in svg.matches(of: /[ML](-?[0-9.]+) (-?[0-9.]+)/) {
        let (x, y) = (Double(match.1) ?? -1, Double(match.2) ?? -1)
        #expect(x >= 0 && x <= 400 && y >= 0 && y < 400, "\(match.0)")
      }
    }
  }

  @Test func linesBreakWhereNumbersAreNot() {
    let svg = SVGChart(chart([[1, 2, nil, 3, 4]])).inline
    #expect(svg.matches(of: /class="line s0"/).count == 2)
    #expect(svg.matches(of: /class="gone"/).count == 1)
    #expect(svg.contains("1 value not finite (null)"))
  }

  @Test func thinningIsTold() {
    let long = SVGChart(chart([(1...5000).map(Double.init)])).inline
    #expect(long.contains("mean of up to 8 steps") && long.contains("class=\"band f0\""))
    #expect(!SVGChart(chart([[1, 2]])).inline.contains("mean of"))
  }

  @Test func axesHaveRoundTicks() {
    let axis = ChartAxis(values: [0.21, 0.97], fromZero: false)
    #expect(
      axis.ticks == [0.2, 0.4, 0.6000000000000001, 0.8, 1]
        && axis.labels == ["0.2", "0.4", "0.6", "0.8", "1"])
    #expect(axis.position(of: 0.2) == 0 && axis.position(of: 9) == 1 && axis.position(of: -9) == 0)
    #expect(ChartAxis(values: [3, 9], fromZero: true).range.lowerBound == 0)
    #expect(ChartAxis(values: [1, 1, 1, 1000], fromZero: true).isLogarithmic)
    #expect(!ChartAxis(values: [0, 1, 1, 1000], fromZero: false).isLogarithmic)
    #expect(ChartAxis(steps: 1...10).ticks.allSatisfy { $0 == $0.rounded() && (1...10).contains($0) })
  }

  @Test func aFileBringsItsOwnStyle() {
    let file = SVGChart(chart([[1, 2], [2, 1]])).file
    #expect(file.contains("xmlns=\"http://www.w3.org/2000/svg\"") && file.contains("prefers-color-scheme"))
    #expect(file.contains(">s0</text>") && file.contains(">s1</text>"))
  }
}
