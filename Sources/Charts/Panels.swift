/// Bars over an axis of numbers: one distribution, or what was before and what is left.
package struct HistogramPanel: Sendable, Equatable {
  package struct Series: Sendable, Equatable {
    package var label: String
    /// By bin.
    package var counts: [Int]

    package init(_ label: String, _ counts: [Int]) {
      precondition(counts.allSatisfy { $0 >= 0 }, "a negative count")
      self.label = label
      self.counts = counts
    }
  }

  /// A vertical line, such as a filter's limit. Outside the bins it is left out.
  package struct Threshold: Sendable, Equatable {
    package var value: Double
    package var label: String

    package init(_ value: Double, _ label: String) {
      self.value = value
      self.label = label
    }
  }

  package var title: String
  /// Beneath the title, e.g. `median 15, 90 % within 4 to 40`.
  package var note: String
  /// Beneath the axis: what the numbers are, with their unit.
  package var axis: String
  package var bins: HistogramBins
  /// One, or two: the first is drawn behind the second.
  package var series: [Series]
  package var thresholds: [Threshold]

  package init(
    title: String, note: String = "", axis: String, bins: HistogramBins, series: [Series],
    thresholds: [Threshold] = []
  ) {
    precondition((1...2).contains(series.count), "\(series.count) series")
    precondition(series.allSatisfy { $0.counts.count == bins.count }, "counts and bins differ")
    self.title = title
    self.note = note
    self.axis = axis
    self.bins = bins
    self.series = series
    self.thresholds = thresholds
  }
}

/// A horizontal bar for each of a few named things.
package struct BarPanel: Sendable, Equatable {
  package struct Bar: Sendable, Equatable {
    package var label: String
    package var count: Int
    /// What there was before, drawn behind; nil without a comparison.
    package var earlierCount: Int?

    package init(_ label: String, _ count: Int, earlier: Int? = nil) {
      precondition(count >= 0 && (earlier ?? 0) >= 0, "a negative count")
      self.label = label
      self.count = count
      earlierCount = earlier
    }
  }

  package var title: String
  package var note: String
  /// Seven are drawn; where there are more, six and how many besides.
  package var bars: [Bar]

  package init(title: String, note: String = "", bars: [Bar]) {
    self.title = title
    self.note = note
    self.bars = bars
  }
}

package enum ChartPanel: Sendable, Equatable {
  case histogram(HistogramPanel)
  case bars(BarPanel)
  case lines(LinePanel)
  case scatter(ScatterPanel)
}
