import Basics

/// A square of a picture that is hidden: rows `top ..< top + side` and columns `left ..< left + side`, in pixels.
package struct RegionMask: Sendable, Equatable {
  package var top: Int
  package var left: Int
  package var side: Int

  package init(top: Int, left: Int, side: Int) { (self.top, self.left, self.side) = (top, left, side) }

  package var rows: Range<Int> { top..<top + side }
  package var columns: Range<Int> { left..<left + side }

  /// Sets the square to zero in all three channels of picture[3, H, W].
  package func hide(in picture: UnsafeMutablePointer<Float>, height: Int, width: Int) {
    precondition(top >= 0 && left >= 0 && rows.upperBound <= height && columns.upperBound <= width)
    for channel in 0..<3 {
      for y in rows { (picture + (channel * height + y) * width + left).update(repeating: 0, count: side) }
    }
  }
}

/// What is hidden from the towers in each step: a pure function of (seed, step, slot of the global batch), so that
/// it does not depend on the number of ranks.
package struct MaskDraws: Sendable, Equatable {
  package var seed: UInt64
  /// Sides of hidden squares in pixels, one of which is drawn with equal chances.
  package var sides: [Int]
  /// How many tokens of a caption are hidden: any number of these with equal chances, at most all there are.
  package var tokenCounts: ClosedRange<Int>

  package init(seed: UInt64, sides: [Int] = [16, 32, 64], tokenCounts: ClosedRange<Int> = 1...10) {
    precondition(!sides.isEmpty && sides.allSatisfy { $0 > 0 } && tokenCounts.lowerBound > 0)
    (self.seed, self.sides, self.tokenCounts) = (seed, sides, tokenCounts)
  }

  private enum Purpose: UInt64 {
    // Apart from the draws of the data's order and of its augmentation, which have the same seed.
    case region = 0x6D61_736B_0001
    case tokens
  }

  /// Anywhere within a picture of H × W pixels, which is at least as large as every side.
  package func region(step: Int, slot: Int, height: Int, width: Int) -> RegionMask {
    var generator = generator(.region, step, slot)
    let side = sides[generator.index(below: sides.count)]
    precondition(side <= min(height, width), "a hidden square larger than the picture")
    let top = generator.index(below: height - side + 1)
    return RegionMask(top: top, left: generator.index(below: width - side + 1), side: side)
  }

  /// Different numbers below `candidateCount`, ascending; none where there are no candidates.
  package func tokens(step: Int, slot: Int, candidateCount: Int) -> [Int] {
    var generator = generator(.tokens, step, slot)
    let wanted = tokenCounts.lowerBound + generator.index(below: tokenCounts.count)
    var places = Array(0..<candidateCount)
    let count = min(wanted, candidateCount)
    for i in 0..<count { places.swapAt(i, i + generator.index(below: candidateCount - i)) }
    return places.prefix(count).sorted()
  }

  private func generator(_ purpose: Purpose, _ step: Int, _ slot: Int) -> SeededGenerator {
    SeededGenerator(seed: Hashing.combine(seed, purpose.rawValue, UInt64(step), UInt64(slot)))
  }
}

extension SeededGenerator {
  /// 0 ..< count with equal chances.
  fileprivate mutating func index(below count: Int) -> Int { Int(nextUniform() * Double(count)) }
}
