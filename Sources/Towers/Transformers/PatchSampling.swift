import Basics

/// Draws which patches of each picture a tower sees: masked autoencoding (He et al. 2021) and patch dropout (FLIP,
/// Li et al. 2023).
///
/// A picture's draw depends on the seed, the step and its slot in the global batch alone: the number of ranks and
/// how a rank cuts its slice into micro-batches change nothing.
package struct PatchSampling: Sendable {
  /// What a draw is for, so that one picture's draws do not follow each other.
  package enum Purpose: UInt64, Sendable {
    case maskedAutoencoding = 0x6D61_6501
    case patchDropout = 0x6D61_6502
  }

  private let seed: UInt64
  private let purpose: Purpose

  package init(seed: UInt64, for purpose: Purpose) { (self.seed, self.purpose) = (seed, purpose) }

  /// K = ⌊P · (1 − removed)⌋ as in both papers' code (12 of 49 and 49 of 196 at ¾), but at least 1.
  package static func keptCount(of patchCount: Int, removing fraction: Double) -> Int {
    // 10 · (1 − 0.9) is a hair below 1 in binary.
    max(1, Int(Double(patchCount) * (1 - fraction) + 1e-9))
  }

  /// [count, keep]: the patches kept of each picture, ascending.
  ///
  /// - Parameters:
  ///   - step: the update's number.
  ///   - slots: the pictures' places in the global batch.
  ///   - crop: which crop of the picture; each is drawn for itself.
  package func kept(
    step: Int, slots: Range<Int>, crop: Int = 0, of patchCount: Int, keep: Int
  ) -> [Int32] {
    precondition(keep > 0 && keep <= patchCount)
    return slots.flatMap { slot in
      var generator = SeededGenerator(
        seed: Hashing.combine(seed, purpose.rawValue, UInt64(step), UInt64(slot), UInt64(crop)))
      return Self.subset(of: patchCount, count: keep, &generator)
    }
  }

  /// The first steps of a Fisher-Yates shuffle, sorted: every subset is as likely.
  private static func subset(of total: Int, count: Int, _ generator: inout SeededGenerator) -> [Int32] {
    var patches = (0..<Int32(total)).map { $0 }
    for i in 0..<count { patches.swapAt(i, Int.random(in: i..<total, using: &generator)) }
    return patches[..<count].sorted()
  }

  /// The patches of each picture that `kept`[count, keep] leaves out: [count, P − keep], ascending.
  package static func complement(of kept: [Int32], keep: Int, patchCount: Int) -> [Int32] {
    precondition(kept.count % keep == 0)
    return stride(from: 0, to: kept.count, by: keep).flatMap { start in
      var isKept = [Bool](repeating: false, count: patchCount)
      for patch in kept[start..<start + keep] { isKept[Int(patch)] = true }
      return (0..<Int32(patchCount)).filter { !isKept[Int($0)] }
    }
  }
}
