import Charts

/// Counts of a property by bin; sums of parts are sums of counts, so that they do not depend on who counted what.
package struct Distribution: Codable, Equatable, Sendable {
  /// Ascending; one more than there are counts.
  package private(set) var edges: [Double]
  package private(set) var counts: [Int]
  package private(set) var belowCount = 0
  package private(set) var aboveCount = 0
  /// In units of 0.0001, for the mean.
  private var scaledSum = 0

  enum CodingKeys: String, CodingKey {
    case edges, counts
    case belowCount = "below"
    case aboveCount = "above"
    case scaledSum = "sum_of_ten_thousandths"
  }

  init(_ bins: HistogramBins) {
    edges = bins.edges
    counts = [Int](repeating: 0, count: bins.count)
  }

  package var count: Int { counts.reduce(belowCount + aboveCount, +) }
  package var mean: Double? { count == 0 ? nil : Double(scaledSum) / 10_000 / Double(count) }

  mutating func add(_ value: Double, bins: HistogramBins) {
    scaledSum += Int((value * 10_000).rounded())
    if let index = bins.index(of: value) {
      counts[index] += 1
    } else if value < edges[0] {
      belowCount += 1
    } else {
      aboveCount += 1
    }
  }

  mutating func add(_ other: Distribution) {
    precondition(edges == other.edges)
    for index in counts.indices { counts[index] += other.counts[index] }
    belowCount += other.belowCount
    aboveCount += other.aboveCount
    scaledSum += other.scaledSum
  }
}

extension ReportLimit.Distribution {
  /// Fixed, so that reports can be held against each other.
  var bins: HistogramBins {
    switch self {
    case .shorterSide: .logarithmic(from: 8, to: 8192, count: 40)
    case .aspect: .logarithmic(from: 1, to: 10, count: 40)
    case .megapixels: .logarithmic(from: 0.001, to: 100, count: 40)
    case .characters: HistogramBins(edges: Self.lengths, scale: .logarithmic)
    case .tokens: .linear(from: 0, to: 128, count: 64)
    case .similarity: .linear(from: -0.2, to: 0.6, count: 80)
    }
  }

  /// Whole numbers that grow by about a quarter.
  private static let lengths: [Double] = [
    1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640,
    800,
    1024, 1280, 1600, 2048,
  ]

  var title: String {
    switch self {
    case .shorterSide: "Shorter side"
    case .aspect: "Aspect"
    case .megapixels: "Size"
    case .characters: "Caption length"
    case .tokens: "Caption length in tokens"
    case .similarity: "Similarity of picture and caption"
    }
  }

  var axis: String {
    switch self {
    case .shorterSide: "pixels"
    case .aspect: "longer side / shorter side"
    case .megapixels: "megapixels"
    case .characters: "characters"
    case .tokens: "tokens"
    case .similarity: "cosine"
    }
  }
}
