import Kernels
import TestSupport
import Testing

@Suite("bfloat16")
struct BFloat16Tests {
  static let special: [Float] = [
    0, -0.0, 1, -1, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNormalMagnitude,
    .leastNonzeroMagnitude, 1 + 0x1p-8, 1 + 0x1p-7 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 3.3895314e38,
  ]

  @Test("vector loops and the scalar agree on every rounding")
  func agreement() {
    let values = Self.special + seededFloats(1009, seed: 1, scale: 100)
    var stored = [BFloat16](repeating: BFloat16(bits: 0), count: values.count)
    convert(values, into: &stored, count: values.count)
    #expect(stored == values.map { BFloat16(rounding: $0) })
  }

  @Test("rounds to nearest, ties to even; beyond the largest is infinity")
  func rounding() {
    #expect(BFloat16(rounding: 1 + 0x1p-8).float == 1)
    #expect(BFloat16(rounding: 1 + 0x1p-7 + 0x1p-8).float == 1 + 0x1p-6)
    #expect(BFloat16(rounding: 1 + 0x1p-8 + 0x1p-20).float == 1 + 0x1p-7)
    #expect(BFloat16(rounding: .greatestFiniteMagnitude).float == .infinity)
    #expect(BFloat16(rounding: -.infinity).float == -.infinity)
  }

  @Test("NaN stays NaN, whatever its payload")
  func nan() {
    let words: [UInt32] = [0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0xFFFF_FFFF, 0x7F80_8000]
    let values = words.map { Float(bitPattern: $0) } + seededFloats(31, seed: 1)
    var stored = [BFloat16](repeating: BFloat16(bits: 0), count: values.count)
    convert(values, into: &stored, count: values.count)
    #expect(stored[..<6].allSatisfy { $0.float.isNaN })
    #expect(stored[6...].allSatisfy { $0.float.isFinite })
    #expect(words.allSatisfy { BFloat16(rounding: Float(bitPattern: $0)).float.isNaN })
  }

  @Test("widening is exact", arguments: [0, 1, 33, 1009])
  func widening(_ count: Int) {
    let values = Values<BFloat16>(count, seed: 1)
    var wide = unwritten(Float.self, count)
    widen(values.stored, into: &wide, count: count)
    #expect(wide == values.stored.map(\.float))
  }
}
