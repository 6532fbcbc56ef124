/// How a flat gradient is cut into units that travel one after the other, and each unit into one part a rank. A pure
/// function of sizes: every rank comes to the same.
package struct GradientLayout: Sendable, Equatable {
  /// A table of which each step touches only some rows, as a range of the gradient.
  package struct Rows: Sendable, Equatable {
    package var range: Range<Int>
    /// Elements a row.
    package var width: Int

    package init(range: Range<Int>, width: Int) {
      precondition(width > 0 && range.count.isMultiple(of: width), "rows that do not fill their table")
      (self.range, self.width) = (range, width)
    }
  }

  /// What one exchange carries.
  package struct Unit: Sendable, Equatable {
    package let range: Range<Int>
    /// From the unit's start; N + 1 of them.
    package let cuts: [Int]
    /// Whether it lies in the table.
    package let isTable: Bool

    /// Part k, as elements of the gradient.
    package func part(_ place: Int) -> Range<Int> {
      range.lowerBound + cuts[place]..<range.lowerBound + cuts[place + 1]
    }
  }

  /// End to end from the start of the gradient.
  package let units: [Unit]
  package let rows: Rows?

  /// - Parameters:
  ///   - count: elements of the gradient.
  ///   - unitCount: the most elements of a unit, if a row of the table is no longer.
  ///   - ranks: N.
  package init(count: Int, unitCount: Int, ranks: Int, rows: Rows? = nil) {
    self.rows = rows
    let table = rows?.range ?? count..<count
    precondition(table.lowerBound >= 0 && table.upperBound <= count)
    func cut(_ range: Range<Int>, isTable: Bool) -> [Unit] {
      // Parts begin on cache lines, or on rows.
      let grain = isTable ? rows?.width ?? 1 : 16
      let length = Swift.max(1, isTable ? unitCount / grain : unitCount) * (isTable ? grain : 1)
      return stride(from: range.lowerBound, to: range.upperBound, by: length).map { start in
        let end = Swift.min(start + length, range.upperBound)
        return Unit(
          range: start..<end, cuts: Self.evenCuts(end - start, ranks: ranks, grain: grain), isTable: isTable)
      }
    }
    units =
      cut(0..<table.lowerBound, isTable: false) + cut(table, isTable: true)
      + cut(table.upperBound..<count, isTable: false)
  }

  /// One part for each rank, every part but the last a multiple of `grain`; the last may be short or empty.
  package static func evenCuts(_ count: Int, ranks: Int, grain: Int) -> [Int] {
    let grains = (count + grain - 1) / grain
    // Floors of equal fractions: parts differ by one grain at most.
    return (0...ranks).map { Swift.min(count, grains * $0 / ranks * grain) }
  }

  /// What the rank of this place sums up, ascending and without empty ranges.
  package func parts(ofPlace place: Int) -> [Range<Int>] {
    units.map { $0.part(place) }.filter { !$0.isEmpty }
  }
}
