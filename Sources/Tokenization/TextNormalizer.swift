/// The steps that a text takes before it is cut into words.
struct TextNormalizer: Sendable, Equatable {
  enum Step: String, Sendable {
    case nfc = "NFC"
    case lowercase = "Lowercase"
    /// Each run of white space becomes a space.
    case collapseSpace = "Replace"
  }

  var steps: [Step]

  /// `text` (valid UTF-8) after every step, as UTF-8.
  func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result = Array(text)
    for step in steps {
      switch step {
      case .nfc: result = CanonicalComposition.composed(result)
      case .lowercase: result = result.withUnsafeBufferPointer(lowercased)
      case .collapseSpace: result = result.withUnsafeBufferPointer(collapsed)
      }
    }
    return result
  }

  /// Scalar by scalar, as `tokenizers` does it: no rule of context, so a final Σ becomes σ.
  private func lowercased(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte < 0x80 {
        result.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
        index += 1
        continue
      }
      let (value, length) = text.scalarValue(at: index)
      if ScalarProperties.changesWhenLowercased(value) {
        for scalar in ScalarProperties.lowercased(value) { result.appendUTF8(scalar.value) }
      } else {
        for offset in 0..<length { result.append(text[index + offset]) }
      }
      index += length
    }
    return result
  }

  private func collapsed(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    var afterSpace = false
    while index < text.count {
      let (value, length) = text.scalarValue(at: index)
      let isSpace = ScalarProperties.scalarClass(value) == .space
      if !isSpace {
        for offset in 0..<length { result.append(text[index + offset]) }
      } else if !afterSpace {
        result.append(0x20)
      }
      afterSpace = isSpace
      index += length
    }
    return result
  }
}
