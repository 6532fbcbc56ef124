import Imaging

#if canImport(Glibc)
  import Glibc
#endif

/// 64 bits that stay nearly the same when a picture is scaled or encoded anew: the pHash of Python's `imagehash`.
///
/// The picture is made 32 × 32 grey, and each of the 8 × 8 lowest frequencies of its discrete cosine transform gives one
/// bit: whether it lies above their median. Source: `imagehash.phash` 4.3, which resizes with Pillow's Lanczos filter; so
/// does `GreyThumbnail`. (The filter hashes pictures turned upright, where `imagehash` takes them as they are stored.)
package struct PerceptualHash: Equatable, Hashable, Sendable {
  /// Row by row of frequencies, the lowest in the highest bit, as `str(imagehash.phash(…))` reads in hexadecimal.
  package let bits: UInt64

  package init(bits: UInt64) { self.bits = bits }

  package init(_ image: RGBImage) {
    let frequencies = Self.lowFrequencies(GreyThumbnail(image, size: Self.side).values)
    let sorted = frequencies.sorted()
    let median = (sorted[31] + sorted[32]) / 2
    bits = frequencies.reduce(0) { $0 << 1 | ($1 > median ? 1 : 0) }
  }

  /// Hamming's: how many bits differ.
  package func distance(to other: PerceptualHash) -> Int { (bits ^ other.bits).nonzeroBitCount }

  private static let side = 32
  private static let kept = 8

  /// cos(π (2 x + 1) f / 64), frequency by frequency.
  private static let cosines: [Double] = (0..<kept).flatMap { frequency in
    (0..<side).map { cos(Double.pi * Double((2 * $0 + 1) * frequency) / Double(2 * side)) }
  }

  /// DCT-II along both axes, without norm: 2 Σ x cos(…).
  private static func lowFrequencies(_ grey: [UInt8]) -> [Double] {
    var columns = [Double](repeating: 0, count: kept * side)
    for v in 0..<kept {
      for x in 0..<side {
        columns[v * side + x] = (0..<side).reduce(0) {
          $0 + Double(grey[$1 * side + x]) * cosines[v * side + $1]
        }
      }
    }
    return (0..<kept * kept).map { index in
      let (v, u) = (index / kept, index % kept)
      let sum = (0..<side).reduce(0.0) { $0 + columns[v * side + $1] * cosines[u * side + $1] }
      // Rounded, so that what is 0 by symmetry (all of a plain picture) is 0, and not the noise of the sums.
      return (4 * sum * 1e6).rounded() * 1e-6
    }
  }
}
