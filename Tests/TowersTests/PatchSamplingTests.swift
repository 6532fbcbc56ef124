import Testing
import Towers

@Suite("Patch sampling")
struct PatchSamplingTests {
  private let sampling = PatchSampling(seed: 7, for: .maskedAutoencoding)

  @Test(
    "KELIP's counts at 75 %, and at least one",
    arguments: [(49, 0.75, 12), (196, 0.75, 49), (10, 0.9, 1), (4, 0.99, 1), (9, 0, 9), (50, 0.5, 25)])
  func counts(_ patches: Int, _ removed: Double, _ kept: Int) {
    #expect(PatchSampling.keptCount(of: patches, removing: removed) == kept)
  }

  @Test(
    "each picture keeps different patches in ascending order", arguments: [(49, 12), (1, 1), (5, 5), (7, 1)])
  func subsets(_ patches: Int, _ keep: Int) {
    let kept = sampling.kept(step: 3, slots: 0..<20, of: patches, keep: keep)
    #expect(kept.count == 20 * keep)
    for start in stride(from: 0, to: kept.count, by: keep) {
      let picture = Array(kept[start..<start + keep])
      #expect(picture == Set(picture).sorted())
      #expect(picture.allSatisfy { (0..<Int32(patches)).contains($0) })
    }
  }

  @Test("a slice of the batch draws what the whole batch draws for it")
  func slices() {
    let whole = sampling.kept(step: 11, slots: 0..<12, of: 49, keep: 12)
    let ranks = [0..<5, 5..<6, 6..<6, 6..<12].flatMap { sampling.kept(step: 11, slots: $0, of: 49, keep: 12) }
    #expect(whole == ranks)
  }

  @Test("seed, purpose, step, slot and crop all change the draw")
  func independence() {
    let base = sampling.kept(step: 1, slots: 4..<5, of: 196, keep: 49)
    let others = [
      PatchSampling(seed: 8, for: .maskedAutoencoding).kept(step: 1, slots: 4..<5, of: 196, keep: 49),
      PatchSampling(seed: 7, for: .patchDropout).kept(step: 1, slots: 4..<5, of: 196, keep: 49),
      sampling.kept(step: 2, slots: 4..<5, of: 196, keep: 49),
      sampling.kept(step: 1, slots: 5..<6, of: 196, keep: 49),
      sampling.kept(step: 1, slots: 4..<5, crop: 1, of: 196, keep: 49),
    ]
    #expect(Set(others + [base]).count == 6)
  }

  @Test("every patch is kept as often: 4,000 draws of 12 in 49, within 5 standard deviations")
  func uniformity() {
    var counts = [Int](repeating: 0, count: 49)
    for patch in sampling.kept(step: 0, slots: 0..<4000, of: 49, keep: 12) { counts[Int(patch)] += 1 }
    let p = 12.0 / 49
    let (mean, deviation) = (4000 * p, (4000 * p * (1 - p)).squareRoot())
    #expect(counts.allSatisfy { abs(Double($0) - mean) < 5 * deviation })
  }

  @Test("kept and left out make the whole", arguments: [(49, 12), (1, 1), (5, 5), (7, 1)])
  func complement(_ patches: Int, _ keep: Int) {
    let kept = sampling.kept(step: 3, slots: 0..<3, of: patches, keep: keep)
    let masked = PatchSampling.complement(of: kept, keep: keep, patchCount: patches)
    #expect(masked.count == 3 * (patches - keep))
    for picture in 0..<3 {
      let both =
        kept[picture * keep..<(picture + 1) * keep]
        + masked[picture * (patches - keep)..<(picture + 1) * (patches - keep)]
      #expect(both.sorted() == Array(0..<Int32(patches)))
    }
  }
}
