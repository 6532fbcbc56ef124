import Objectives
import TestSupport
import Testing

@Suite("What is hidden")
struct MaskDrawTests {
  private let draws = MaskDraws(seed: 3, sides: [2, 5], tokenCounts: 1...4)

  @Test("squares lie within the picture, reach every edge, and take every side")
  func regions() {
    let (height, width) = (9, 12)
    let regions = (0..<4000).map { draws.region(step: 7, slot: $0, height: height, width: width) }
    #expect(regions.allSatisfy { $0.top >= 0 && $0.left >= 0 })
    #expect(regions.allSatisfy { $0.rows.upperBound <= height && $0.columns.upperBound <= width })
    for side in [2, 5] {
      let some = regions.filter { $0.side == side }
      #expect(abs(Double(some.count) / 4000 - 0.5) < 0.05)
      #expect(Set(some.map(\.top)) == Set(0...height - side))
      #expect(Set(some.map(\.left)) == Set(0...width - side))
    }
  }

  @Test("a square as large as the picture covers it")
  func wholePicture() {
    let region = MaskDraws(seed: 1, sides: [6]).region(step: 0, slot: 0, height: 6, width: 6)
    #expect(region == RegionMask(top: 0, left: 0, side: 6))
  }

  @Test("draws depend on seed, step and slot, and on nothing else")
  func seeding() {
    func region(_ seed: UInt64, _ step: Int, _ slot: Int) -> RegionMask {
      MaskDraws(seed: seed, sides: [1]).region(step: step, slot: slot, height: 1000, width: 1000)
    }
    #expect(region(1, 2, 3) == region(1, 2, 3))
    let all = [region(1, 2, 3), region(1, 3, 2), region(2, 2, 3), region(1, 2, 4), region(1, 1, 3)]
    #expect(Set(all.map { $0.top * 1000 + $0.left }).count == all.count)
  }

  @Test("tokens are different, ascending, and as many as drawn", arguments: [0, 1, 2, 3, 4, 5, 75])
  func tokens(_ candidateCount: Int) {
    var counts: [Int: Int] = [:]
    var seen = Set<Int>()
    for slot in 0..<2000 {
      let places = draws.tokens(step: 1, slot: slot, candidateCount: candidateCount)
      #expect(places == Set(places).sorted() && places.allSatisfy { (0..<candidateCount).contains($0) })
      counts[places.count, default: 0] += 1
      seen.formUnion(places)
    }
    #expect(seen == Set(0..<candidateCount))
    #expect(Set(counts.keys) == (candidateCount == 0 ? [0] : Set(1...min(4, candidateCount))))
    if candidateCount >= 4 { #expect(counts.values.allSatisfy { abs(Double($0) / 2000 - 0.25) < 0.05 }) }
  }

  @Test("a square is set to zero in every channel, and only it")
  func hide() {
    let region = RegionMask(top: 1, left: 2, side: 2)
    var picture = [Float](repeating: 1, count: 3 * 4 * 5)
    region.hide(in: &picture, height: 4, width: 5)
    for channel in 0..<3 {
      for y in 0..<4 {
        for x in 0..<5 {
          let isHidden = region.rows.contains(y) && region.columns.contains(x)
          #expect(picture[(channel * 4 + y) * 5 + x] == (isHidden ? 0 : 1))
        }
      }
    }
  }

  @Test("captions keep their frames, their lengths and all tokens that are not drawn")
  func captions() {
    // Of 4 inner tokens, of one, of none, and shorter than any frame.
    let captions: [[Int32]] = [[90, 1, 2, 3, 4, 91], [90, 5, 91], [90, 91], [90]]
    let offsets = captions.reduce(into: [Int32(0)]) { $0.append($0.last! + Int32($1.count)) }
    let ids = captions.flatMap(\.self)
    let masked = MaskedTokens(ids: ids, offsets: offsets, maskID: 99, draws: draws, step: 2, firstSlot: 5)
    #expect(masked.ids.count == ids.count && masked.places.count == masked.targets.count)
    #expect(masked.places == masked.places.sorted() && masked.places.contains(7))
    for (place, id) in ids.enumerated() {
      let index = masked.places.firstIndex(of: Int32(place))
      #expect(masked.ids[place] == (index == nil ? id : 99))
      if let index { #expect(masked.targets[index] == id && id < 90) }
    }
  }

  @Test("a batch cut at any slot hides the same tokens")
  func slots() {
    let caption: [Int32] = [90] + (0..<20).map { Int32($0) } + [91]
    func masked(_ range: Range<Int>) -> [Int32] {
      MaskedTokens(
        ids: range.flatMap { _ in caption }, offsets: (0...range.count).map { Int32($0 * caption.count) },
        maskID: 99, draws: draws, step: 4, firstSlot: range.lowerBound
      ).ids
    }
    #expect(masked(0..<6) == masked(0..<1) + masked(1..<4) + masked(4..<6))
  }
}
