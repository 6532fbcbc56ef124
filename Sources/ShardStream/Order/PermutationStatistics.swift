#if canImport(Glibc)
  import Glibc
#endif

/// A statistic of shuffled windows, as standard deviations from what uniformly random permutations give.
package struct UniformityScore: Equatable, Sendable {
  /// Beyond this, in either direction, shuffling is not uniform: a uniform one gets there once in 16,000 times.
  package static let limit = 4.0

  package let name: String
  package let z: Double

  /// Two-sided, of the standard normal distribution.
  package var pValue: Double { erfc(abs(z) / 2.0.squareRoot()) }
  package var passed: Bool { abs(z) <= Self.limit }
}

/// Holds permutations against uniformly random ones, by statistics whose mean and variance are known.
package struct PermutationStatistics: Sendable {
  /// Shorter permutations tell too little.
  package static let shortest = 32
  private static let sections = 16

  package private(set) var count = 0
  private var chiSquare = 0.0
  private var chiSquareFreedom = 0.0
  private var footrule = Sum()
  private var serial = Sum()
  private var successors = Sum()

  /// A sum of terms with their expectation and variance.
  private struct Sum {
    var excess = 0.0
    var variance = 0.0

    mutating func add(_ value: Double, mean: Double, variance: Double) {
      excess += value - mean
      self.variance += variance
    }

    var z: Double { variance > 0 ? excess / variance.squareRoot() : 0 }
  }

  package init() {}

  /// - Parameter permutation: of 0..<n with n at least `shortest`.
  package mutating func add(_ permutation: [Int]) {
    precondition(permutation.count >= Self.shortest)
    count += 1
    addTable(permutation)
    addFootrule(permutation)
    addNeighbours(permutation)
  }

  /// Time by place, in sixteenths of the window: Pearson's χ² of a table whose margins are fixed.
  private mutating func addTable(_ permutation: [Int]) {
    let n = permutation.count
    let g = n >= 5 * Self.sections * Self.sections ? Self.sections : 4
    var table = [Int](repeating: 0, count: g * g)
    for (time, place) in permutation.enumerated() { table[time * g / n * g + place * g / n] += 1 }
    let sizes = (0..<g).map { (($0 + 1) * n + g - 1) / g - ($0 * n + g - 1) / g }
    for row in 0..<g {
      for column in 0..<g {
        let expected = Double(sizes[row] * sizes[column]) / Double(n)
        let excess = Double(table[row * g + column]) - expected
        // (n − 1)/n: sampling without replacement.
        chiSquare += excess * excess / expected * Double(n - 1) / Double(n)
      }
    }
    chiSquareFreedom += Double((g - 1) * (g - 1))
  }

  /// Σ |π(i) − i|, Spearman's footrule (moments: Diaconis and Graham 1977).
  private mutating func addFootrule(_ permutation: [Int]) {
    let n = Double(permutation.count)
    let distance = permutation.enumerated().reduce(0) { $0 + abs($1.element - $1.offset) }
    footrule.add(
      Double(distance), mean: (n * n - 1) / 3, variance: (n + 1) * (2 * n * n + 7) / 45)
  }

  /// Serial correlation of neighbours (mean −1/n, variance 1/n), and how many are neighbours in the shards too
  /// (mean (n − 1)/n, nearly Poisson).
  private mutating func addNeighbours(_ permutation: [Int]) {
    let n = Double(permutation.count)
    let middle = (n - 1) / 2
    var product = 0.0
    var kept = 0
    for (place, next) in zip(permutation, permutation.dropFirst()) {
      product += (Double(place) - middle) * (Double(next) - middle)
      if next == place + 1 { kept += 1 }
    }
    serial.add(product / (n * (n * n - 1) / 12), mean: -1 / n, variance: 1 / n)
    successors.add(Double(kept), mean: (n - 1) / n, variance: (n - 1) / n)
  }

  package func scores(_ what: String) -> [UniformityScore] {
    let table = Self.wilsonHilferty(chiSquare, chiSquareFreedom)
    return [
      UniformityScore(name: "\(what): time by place (χ²)", z: table),
      UniformityScore(name: "\(what): displacement (footrule)", z: footrule.z),
      UniformityScore(name: "\(what): serial correlation of neighbours", z: serial.z),
      UniformityScore(name: "\(what): neighbours that stayed so", z: successors.z),
    ]
  }

  /// A standard normal value for χ² with that many degrees of freedom (Wilson and Hilferty 1931).
  private static func wilsonHilferty(_ chiSquare: Double, _ freedom: Double) -> Double {
    guard freedom > 0 else { return 0 }
    let spread = 2 / (9 * freedom)
    return (cbrt(chiSquare / freedom) - (1 - spread)) / spread.squareRoot()
  }
}

/// Whether permutations of the same things know of each other: their rank correlations (variance 1/(n − 1)).
package struct PairStatistics: Sendable {
  private var excess = 0.0
  package private(set) var count = 0

  package init() {}

  package mutating func add(_ first: [Int], _ second: [Int]) {
    precondition(first.count == second.count && first.count > 1)
    let n = Double(first.count)
    let middle = (n - 1) / 2
    let product = zip(first, second).reduce(0) { $0 + (Double($1.0) - middle) * (Double($1.1) - middle) }
    excess += product / (n * (n * n - 1) / 12) * (n - 1).squareRoot()
    count += 1
  }

  package func score(_ name: String) -> UniformityScore {
    UniformityScore(name: name, z: count > 0 ? excess / Double(count).squareRoot() : 0)
  }
}
