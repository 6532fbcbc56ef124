import Basics

/// Makes bad input out of good by a few seeded changes, of the kinds that storage, networks and enemies make.
struct Mutator {
  private static let largestSize = 1 << 20
  /// Edges of the number formats that length fields have.
  private static let numbers: [UInt64] = [
    0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 511, 512, 513, 4095, 4096, 16383, 32767, 32768,
    65500,
    65535, 65536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF,
    0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FE00, 0xFFFF_FFFF_FFFF_FFFF,
  ]
  private static let digits = [
    "0", "-1", "00000000000", "77777777777", "18446744073709551615", "9223372036854775807",
    "9223372036854775808", "1e999", "-0", "0.5", "NaN", "\u{660}",
  ].map { Array($0.utf8) }

  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// Uniform in 0..<bound.
  mutating func index(below bound: Int) -> Int {
    Int(generator.next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// One change in half of the cases, else up to eight: one alone gets deeper. `other` is a second input to take
  /// pieces from.
  mutating func mutated(_ seed: [UInt8], other: [UInt8]) -> [UInt8] {
    var bytes = seed
    for _ in 0..<(index(below: 2) == 0 ? 1 : 1 + index(below: 8)) {
      change(&bytes, other)
      if bytes.count > Self.largestSize { bytes.removeSubrange(Self.largestSize...) }
    }
    return bytes
  }

  private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
    guard !bytes.isEmpty else { return splice(&bytes, other) }
    switch index(below: 12) {
    case 0, 1: bytes[index(below: bytes.count)] ^= 1 << UInt8(index(below: 8))
    case 2: bytes[index(below: bytes.count)] = UInt8(index(below: 256))
    case 3, 4: writeNumber(&bytes)
    case 5: writeDigits(&bytes)
    case 6: bytes.removeSubrange(index(below: bytes.count)...)
    case 7: bytes.removeSubrange(block(of: bytes))
    case 8: duplicate(&bytes)
    case 9: swapBlocks(&bytes)
    case 10: splice(&bytes, other)
    default: fill(&bytes)
    }
  }

  /// Where a block begins and ends: as often aligned as not, as often short as long.
  private mutating func block(of bytes: [UInt8]) -> Range<Int> {
    let unit = [1, 1, 4, 512][index(below: 4)]
    let start = index(below: bytes.count) / unit * unit
    let longest = index(below: 2) == 0 ? 16 : bytes.count
    let end = min(bytes.count, start + unit * (1 + index(below: max(1, longest / unit))))
    return start..<end
  }

  /// An edge of the formats in 1, 2, 4 or 8 bytes, either end first; or what stands there, one more or less.
  private mutating func writeNumber(_ bytes: inout [UInt8]) {
    let width = [1, 2, 4, 8][index(below: 4)]
    guard bytes.count >= width else { return }
    let start = index(below: bytes.count - width + 1)
    let isLittle = index(below: 2) == 0
    let places = isLittle ? Array(start..<(start + width)) : (start..<(start + width)).reversed()
    let present = places.reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    let choices = [Self.numbers[index(below: Self.numbers.count)], present &+ 1, present &- 1]
    let number = choices[max(0, index(below: 4) - 1)]
    for (shift, place) in places.enumerated() {
      bytes[place] = UInt8(truncatingIfNeeded: number >> (8 * shift))
    }
  }

  /// Another number in the place of one that is written in digits.
  private mutating func writeDigits(_ bytes: inout [UInt8]) {
    let isDigit = { (byte: UInt8) in (48..<58).contains(byte) }
    guard let start = bytes[index(below: bytes.count)...].firstIndex(where: isDigit) else { return }
    let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
    let digits = Self.digits[index(below: Self.digits.count)]
    if index(below: 2) == 0 {
      bytes.replaceSubrange(start..<end, with: digits)
    } else {  // In its place, as fixed fields want it.
      for (offset, digit) in digits.enumerated() where start + offset < end { bytes[start + offset] = digit }
    }
  }

  /// Whole records of 512 bytes go where a record begins: elsewhere they would only shift what follows.
  private mutating func duplicate(_ bytes: inout [UInt8]) {
    let block = block(of: bytes)
    let place = index(below: bytes.count + 1)
    let isRecord = block.lowerBound.isMultiple(of: 512) && block.count.isMultiple(of: 512)
    bytes.insert(contentsOf: bytes[block], at: isRecord ? place / 512 * 512 : place)
  }

  private mutating func swapBlocks(_ bytes: inout [UInt8]) {
    let (first, second) = (block(of: bytes), block(of: bytes))
    for (left, right) in zip(first, second) { bytes.swapAt(left, right) }
  }

  private mutating func splice(_ bytes: inout [UInt8], _ other: [UInt8]) {
    guard !other.isEmpty else { return }
    let piece = other[block(of: other)]
    if index(below: 2) == 0 {
      bytes.insert(contentsOf: piece, at: index(below: bytes.count + 1))
    } else {
      bytes = Array(bytes[..<index(below: bytes.count + 1)]) + other[index(below: other.count)...]
    }
  }

  private mutating func fill(_ bytes: inout [UInt8]) {
    let value = [0, 0xFF, 0x20, UInt8(index(below: 256))][index(below: 4)]
    for place in block(of: bytes) { bytes[place] = value }
  }
}
