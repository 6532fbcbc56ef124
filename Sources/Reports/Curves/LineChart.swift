/// Numbers over the steps of one run or several.
struct LineChart {
  struct Series {
    var label: String
    /// An index; see `PageStyle.colours`.
    var colour: Int
    var curve: ThinnedCurve
  }

  var title: String
  /// Beside the title; empty for plain numbers.
  var unit: String
  /// Without an extension.
  var fileName: String
  /// Whether the axis begins at 0 where no value is below it.
  var fromZero = false
  var series: [Series]

  /// Steps that the longest curve's points stand for.
  var stepsPerPoint: Int { series.map(\.curve.stepsPerPoint).max() ?? 1 }

  /// Values that are not finite.
  var missingCount: Int {
    series.reduce(0) { $0 + $1.curve.points.reduce(0) { $0 + $1.missingCount } }
  }
}
