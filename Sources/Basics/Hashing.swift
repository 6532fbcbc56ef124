/// Seeds are mixed by hashing, never by adding: neighbouring (seed, epoch, id) give unrelated draws.
package enum Hashing {
  /// SplitMix64's finaliser: a bijection of 64-bit words that spreads every input bit over the output.
  @inlinable
  package static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// One 64-bit word that depends on every part and on their order.
  package static func combine(_ parts: UInt64...) -> UInt64 {
    parts.reduce(0x6B65_6C69_7000_0001) { mix($0 ^ mix($1)) }
  }
}

/// A small counter-based generator (SplitMix64): equal seeds give equal draws on every machine.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    defer { state &+= 0x9E37_79B9_7F4A_7C15 }
    return Hashing.mix(state)
  }

  /// Uniform in [0, 1) with 53 random bits.
  package mutating func nextUniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }
}

#if canImport(Glibc)
  import Glibc
#endif

extension SeededGenerator {
  /// Two independent standard normal draws from two words (Box and Muller 1958).
  package mutating func nextNormalPair() -> (Double, Double) {
    let radius = (-2 * log(1 - nextUniform())).squareRoot()
    let angle = 2 * .pi * nextUniform()
    return (radius * cos(angle), radius * sin(angle))
  }

  /// One standard normal draw.
  package mutating func nextNormal() -> Double { nextNormalPair().0 }

  /// Fills a buffer with normal draws of the given standard deviation.
  package mutating func fillNormal(_ target: UnsafeMutableBufferPointer<Float>, std: Float) {
    for i in stride(from: 0, to: target.count, by: 2) {
      let (first, second) = nextNormalPair()
      target[i] = std * Float(first)
      if i + 1 < target.count { target[i + 1] = std * Float(second) }
    }
  }
}
