import Foundation

/// Unicode's normalisation form C, as `tokenizers` 0.2x has it: by the algorithm of the Unicode Standard, section 3.11,
/// with Unicode 9's data.
///
/// Foundation's own form (Swift 6.3) will not do: it leaves a syllable and a final consonant apart (U+C0AC U+11A8),
/// joins conjoining letters that are out of range, and knows newer compositions.
package enum CanonicalComposition {
  /// (first, second) → the character that they compose to.
  private static let table: PairTable = {
    var table = PairTable(minimumCapacity: 1024)
    for (value, decomposed) in CanonicalDecomposition.table where decomposed.count > 1 {
      guard let scalar = Unicode.Scalar(value), !scalar.properties.isFullCompositionExclusion else {
        continue
      }
      // A decomposition is one step from the composition of all but its last scalar.
      let first = String(String.UnicodeScalarView(decomposed.dropLast().compactMap(Unicode.Scalar.init)))
      let composed = first.precomposedStringWithCanonicalMapping.unicodeScalars
      guard composed.count == 1, let firstValue = composed.first?.value else { continue }
      table.set(Int64(value), for: TokenPair(Int32(firstValue), Int32(decomposed[decomposed.count - 1])))
    }
    return table
  }()

  /// 1 where a scalar of the basic plane stays as it is in any surroundings: no mark, no conjoining letter, and composed.
  private static let stays: [Bool] = (0..<0x1_0000).map { value in
    guard let scalar = Unicode.Scalar(UInt32(value)) else { return false }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: return false
    default: break
    }
    let conjoins = (0x1100...0x11FF).contains(value)
    return !conjoins && !scalar.properties.isFullCompositionExclusion
  }

  /// Whether `text` is in form C by a look at each scalar alone.
  private static func isPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    stays.withUnsafeBufferPointer { stays in
      var index = 0
      while index < text.count {
        // Everything below U+0300 is composed already; its lead bytes are below 0xCC.
        guard text[index] >= 0xCC else {
          index += text[index] < 0x80 ? 1 : 2
          continue
        }
        let (value, length) = text.scalarValue(at: index)
        // Emoji and ideographs above the basic plane stay, too.
        let isPlain =
          value < 0x1_0000
          ? stays[Int(value)] : (0x1_F000..<0x1_FB00).contains(value) || (0x2_0000..<0x2_F800).contains(value)
        guard isPlain else { return false }
        index += length
      }
      return true
    }
  }

  /// `text` (valid UTF-8) in form C, as UTF-8.
  package static func composed(_ text: [UInt8]) -> [UInt8] {
    guard !text.withUnsafeBufferPointer(isPlain) else { return text }
    var scalars: [UInt32] = []
    scalars.reserveCapacity(text.count)
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      CanonicalDecomposition.append(scalar.value, to: &scalars)
    }
    CanonicalDecomposition.orderMarks(&scalars)
    compose(&scalars)
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    for value in scalars { result.appendUTF8(value) }
    return result
  }

  /// Joins each character to the last starter before it, unless a mark of the same or a higher class is in between.
  private static func compose(_ scalars: inout [UInt32]) {
    var write = 0
    var starter: Int?
    var lastClass: UInt8 = 0
    for read in scalars.indices {
      let value = scalars[read]
      let combiningClass = CanonicalDecomposition.combiningClass(value)
      let isBlocked = starter.map { $0 != write - 1 && lastClass >= combiningClass } ?? true
      if let place = starter, !isBlocked, let joined = joined(scalars[place], value) {
        scalars[place] = joined
        continue
      }
      if combiningClass == 0 { starter = write }
      lastClass = combiningClass
      scalars[write] = value
      write += 1
    }
    scalars.removeSubrange(write...)
  }

  private static func joined(_ first: UInt32, _ second: UInt32) -> UInt32? {
    Hangul.joined(first, second) ?? table[TokenPair(Int32(first), Int32(second))].map { UInt32($0) }
  }
}
