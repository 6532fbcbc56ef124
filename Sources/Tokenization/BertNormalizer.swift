/// BERT's cleaning of text as `tokenizers`' BertNormalizer does it: control characters out, white space to spaces, spaces
/// around ideographs, accents off (form D without marks: Hangul becomes jamo), lower case.
struct BertNormalizer: Sendable {
  struct Options: Equatable, Sendable {
    var cleanText = true
    var handleChineseChars = true
    /// nil: as `lowercase`.
    var stripAccents: Bool?
    var lowercase = true

    var stripsAccents: Bool { stripAccents ?? lowercase }
  }

  let options: Options
  /// What becomes of each scalar of the basic plane: it stays, it is an ordered mark, or one more than the place of its
  /// replacement.
  private let places: [Int32]
  /// Replacements, a length byte before each.
  private let replacements: [UInt8]

  private static let stays: Int32 = 0
  private static let orderedMark: Int32 = -1

  init(_ options: Options) {
    self.options = options
    var places = [Int32](repeating: Self.stays, count: 0x1_0000)
    var pool: [UInt8] = []
    for value in 0..<UInt32(0x1_0000) where Unicode.Scalar(value) != nil && !Hangul.syllables.contains(value)
    {
      if options.stripsAccents, BertScalars.isOrderedMark(value) { places[Int(value)] = Self.orderedMark }
      guard let replacement = Self.replacement(of: value, options) else { continue }
      places[Int(value)] = Int32(pool.count) + 1
      pool.append(UInt8(replacement.count))
      pool += replacement
    }
    (self.places, replacements) = (places, pool)
  }

  /// `text` (valid UTF-8) after every step, as UTF-8.
  func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 8)
    let isDone = places.withUnsafeBufferPointer { places in
      replacements.withUnsafeBufferPointer { append(text, places, $0, to: &result) }
    }
    return isDone ? result : stepByStep(text)
  }

  /// Scalar by scalar; false where marks may have to change places.
  private func append(
    _ text: UnsafeBufferPointer<UInt8>, _ places: UnsafeBufferPointer<Int32>,
    _ replacements: UnsafeBufferPointer<UInt8>, to result: inout [UInt8]
  ) -> Bool {
    let decomposesHangul = options.stripsAccents
    var index = 0
    while index < text.count {
      let (value, length) = text.scalarValue(at: index)
      let place = value < 0x1_0000 ? Int(places[Int(value)]) : 0
      if place > 0 {
        for offset in 0..<Int(replacements[place - 1]) { result.append(replacements[place + offset]) }
      } else if place < 0 || (value >= 0x1_0000 && !staysAboveBasicPlane(value)) {
        return false
      } else if decomposesHangul, Hangul.syllables.contains(value) {
        appendJamo(of: value, to: &result)
      } else {
        for offset in 0..<length { result.append(text[index + offset]) }
      }
      index += length
    }
    return true
  }

  private func staysAboveBasicPlane(_ value: UInt32) -> Bool { (0x1_F000..<0x1_FB00).contains(value) }

  private func appendJamo(of syllable: UInt32, to result: inout [UInt8]) {
    let jamo = Hangul.decomposed(syllable)
    result.appendUTF8(jamo.leading)
    result.appendUTF8(jamo.vowel)
    if let trailing = jamo.trailing { result.appendUTF8(trailing) }
  }

  /// What `value` becomes; nil where it stays.
  private static func replacement(of value: UInt32, _ options: Options) -> [UInt8]? {
    let scalars = steps([value], options)
    return scalars == [value] ? nil : utf8(scalars)
  }

  private func stepByStep(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    Self.utf8(Self.steps(String(decoding: text, as: UTF8.self).unicodeScalars.map(\.value), options))
  }

  /// The definition.
  private static func steps(_ scalars: [UInt32], _ options: Options) -> [UInt32] {
    var scalars = scalars
    if options.cleanText {
      scalars = scalars.filter { !BertScalars.contains(BertClasses.control, $0) }
        .map { BertScalars.isSpace($0) ? 0x20 : $0 }
    }
    if options.handleChineseChars {
      scalars = scalars.flatMap {
        BertScalars.contains(BertClasses.ideographs, $0) ? [0x20, $0, 0x20] : [$0]
      }
    }
    if options.stripsAccents {
      var decomposed: [UInt32] = []
      for scalar in scalars { CanonicalDecomposition.append(scalar, to: &decomposed) }
      CanonicalDecomposition.orderMarks(&decomposed)
      scalars = decomposed.filter { !BertScalars.contains(BertClasses.accents, $0) }
    }
    return options.lowercase ? scalars.flatMap(BertScalars.lowercased) : scalars
  }

  private static func utf8(_ scalars: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in scalars { bytes.appendUTF8(scalar) }
    return bytes
  }
}

/// Questions about scalars that BERT's steps ask.
enum BertScalars {
  enum WordClass: UInt8 {
    case word, space, punctuation
  }

  /// `WordClass` of each scalar of the basic plane.
  private static let basicPlane: [UInt8] = (0..<UInt32(0x1_0000)).map { computedClass($0).rawValue }

  private static func computedClass(_ value: UInt32) -> WordClass {
    isSpace(value) ? .space : contains(BertClasses.punctuation, value) ? .punctuation : .word
  }

  static func wordClass(_ value: UInt32) -> WordClass {
    value < 0x1_0000 ? WordClass(rawValue: basicPlane[Int(value)])! : computedClass(value)
  }

  /// Whether `value` lies in one of `runs` (first and last of each, ascending).
  static func contains(_ runs: [UInt32], _ value: UInt32) -> Bool {
    var (low, high) = (0, runs.count / 2)
    while low < high {
      let middle = (low + high) / 2
      if runs[2 * middle + 1] < value { low = middle + 1 } else { high = middle }
    }
    return low < runs.count / 2 && runs[2 * low] <= value
  }

  static func isSpace(_ value: UInt32) -> Bool {
    Unicode.Scalar(value)?.properties.isWhitespace ?? false
  }

  /// A mark that stays when accents are stripped and may change places with another.
  static func isOrderedMark(_ value: UInt32) -> Bool {
    CanonicalDecomposition.combiningClass(value) != 0 && !contains(BertClasses.accents, value)
  }

  static func lowercased(_ value: UInt32) -> [UInt32] {
    guard ScalarProperties.changesWhenLowercased(value) else { return [value] }
    return ScalarProperties.lowercased(value).map(\.value)
  }
}
