import Collectives
import Testing

@Suite struct GradientLayoutTests {
  @Test(arguments: [0, 1, 15, 16, 1009, 5000], 1...5) func unitsAndPartsCoverEverythingOnce(
    count: Int, ranks: Int
  ) {
    for rows in [nil, GradientLayout.Rows(range: count / 3..<count / 3 + count / 21 * 7, width: 7)] {
      let layout = GradientLayout(count: count, unitCount: 100, ranks: ranks, rows: rows)
      #expect(layout.units.flatMap { Array($0.range) } == Array(0..<count))
      let parts = (0..<ranks).flatMap { layout.parts(ofPlace: $0).flatMap { Array($0) } }
      #expect(parts.sorted() == Array(0..<count))
      for unit in layout.units {
        #expect(unit.cuts.count == ranks + 1 && unit.cuts == unit.cuts.sorted())
        #expect(unit.isTable == (rows?.range.contains(unit.range.lowerBound) ?? false))
        if unit.isTable { #expect(unit.cuts.allSatisfy { $0.isMultiple(of: 7) }) }
      }
    }
  }

  @Test func partsOfAUnitDifferByOneGrain() {
    let cuts = GradientLayout.evenCuts(1000, ranks: 7, grain: 16)
    let sizes = zip(cuts.dropFirst(), cuts).map { $0 - $1 }
    #expect(sizes.reduce(0, +) == 1000 && sizes.max()! - sizes.min()! <= 32, "\(sizes)")
  }

  @Test func aRowLongerThanAUnitTravelsWhole() {
    let layout = GradientLayout(
      count: 90, unitCount: 10, ranks: 2, rows: GradientLayout.Rows(range: 30..<90, width: 20))
    #expect(layout.units.filter(\.isTable).map(\.range) == [30..<50, 50..<70, 70..<90])
  }
}
