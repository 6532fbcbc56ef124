/// The steps that a text takes before it is cut into words.
struct TextNormalizer: Sendable, Equatable {
  enum Step: String, Sendable {
    case nfc = "NFC"
    case lowercase = "Lowercase"
  }

  var steps: [Step]

  /// `text` (valid UTF-8) after every step, as UTF-8.
  func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result = Array(text)
    for step in steps {
      switch step {
      case .nfc: result = CanonicalComposition.composed(result)
      case .lowercase: result = result.withUnsafeBufferPointer(lowercased)
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
      let (scalar, length) = text.scalar(at: index)
      if ScalarProperties.changesWhenLowercased(scalar) {
        result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
      } else {
        result.append(contentsOf: text[index..<index + length])
      }
      index += length
    }
    return result
  }
}
