import Basics
import Kernels

/// Seeded normal draws as a fast path stores them, and the same numbers (after rounding) in 64 bits.
package struct Values<S: ComputeScalar> {
  package var stored: [S]

  package init(_ count: Int, seed: UInt64, scale: Double = 1, offset: Double = 0) {
    stored = seededDoubles(count, seed: seed, scale: scale, offset: offset).map { S(rounding: Float($0)) }
  }

  package var exact: [Double] { doubles(stored) }
}

/// `count` draws of N(offset, scale²), equal for equal seeds.
package func seededDoubles(
  _ count: Int, seed: UInt64, scale: Double = 1, offset: Double = 0
) -> [Double] {
  var generator = SeededGenerator(seed: Hashing.combine(seed, UInt64(count)))
  return (0..<count).map { _ in offset + scale * generator.nextNormal() }
}

/// The same in 32 bits.
package func seededFloats(
  _ count: Int, seed: UInt64, scale: Double = 1, offset: Double = 0
) -> [Float] {
  seededDoubles(count, seed: seed, scale: scale, offset: offset).map { Float($0) }
}

package func doubles<S: ComputeScalar>(_ values: [S]) -> [Double] { values.map { Double($0.float) } }

/// A result's memory before the call: whatever is not written stays NaN and is found.
package func unwritten<S: ComputeScalar>(_: S.Type, _ count: Int) -> [S] { unwritten(count) }

package func unwritten<S: ComputeScalar>(_ count: Int) -> [S] {
  Array(repeating: S(rounding: .nan), count: count)
}

extension Precision {
  /// The storage type of the path, for calling generic checks.
  package var storage: any ComputeScalar.Type {
    switch self {
    case .fp32: Float.self
    case .bf16: BFloat16.self
    }
  }
}
