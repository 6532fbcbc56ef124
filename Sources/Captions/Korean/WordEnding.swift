/// How a word ends when a Korean reads it aloud: what the form of the particle behind it depends on.
package enum WordEnding: Sendable, Equatable {
  case vowel
  /// ㄹ, which counts as a consonant but for 로.
  case rieul
  case consonant

  /// Nil where the reading is not known: Chinese characters, other scripts, nothing at all.
  ///
  /// What stands in brackets at the end is not read, nor are quotation marks and full stops. Digits are read as
  /// Sino-Korean numbers, capitals by their letters' names, other Latin words as loanwords are written (National
  /// Institute of Korean Language, 외래어 표기법), by rules of spelling that hold for most.
  package init?(of text: String) {
    let word = Self.spoken(text)
    guard let last = word.last, let scalar = last.unicodeScalars.first else { return nil }
    if let ending = Self.ofHangul(scalar) {
      self = ending
    } else if last.isASCII && last.isNumber {
      self = Self.ofNumber(
        word.reversed().prefix { $0.isASCII && ($0.isNumber || ".,".contains($0)) }.reversed())
    } else if last.isASCII && last.isLetter {
      let letters = String(word.reversed().prefix { $0.isASCII && $0.isLetter }.reversed())
      let before = word.dropLast(letters.count).last
      self = LatinReading.ending(of: letters, isAfterDigit: before?.isNumber ?? false)
    } else if let ending = Self.symbols[last] {
      self = ending
    } else {
      return nil
    }
  }

  private static let symbols: [Character: WordEnding] = [
    // 퍼센트, 섭씨도, 도, 플러스, 앤드, 달러, 유로, 원, 샵, 골뱅이, 별표
    "%": .vowel, "℃": .vowel, "°": .vowel, "+": .vowel, "&": .vowel, "$": .vowel, "€": .vowel,
    "₩": .consonant,
    "#": .consonant, "@": .vowel, "*": .vowel,
  ]

  private static let brackets: [Character: Character] = [
    ")": "(", "]": "[", "}": "{", "）": "（", "〉": "〈", "》": "《",
  ]

  /// Without what is not read at the end.
  private static func spoken(_ text: String) -> Substring {
    var word = Substring(text)
    while let last = word.last {
      if let opening = brackets[last], let start = word.lastIndex(of: opening), start > word.startIndex {
        word = word[..<start]
      } else if symbols[last] == nil && (last.isPunctuation || last.isWhitespace) {
        word.removeLast()
      } else {
        return word
      }
    }
    return word
  }

  private static func ofHangul(_ scalar: Unicode.Scalar) -> WordEnding? {
    switch scalar.value {
    case 0xAC00...0xD7A3:
      let final = (scalar.value - 0xAC00) % 28
      return final == 0 ? .vowel : final == 8 ? .rieul : .consonant
    case 0x3139: return .rieul  // ㄹ is called 리을; the other letters' names end as they sound.
    case 0x3131...0x314E: return .consonant
    case 0x314F...0x3163: return .vowel
    default: return nil
    }
  }

  /// 영 일 이 삼 사 오 육 칠 팔 구
  private static let digits: [WordEnding] = [
    .consonant, .rieul, .vowel, .consonant, .vowel, .vowel, .consonant, .rieul, .rieul, .vowel,
  ]

  private static func ofNumber(_ text: [Character]) -> WordEnding {
    let last = text.last!.wholeNumberValue!
    guard last == 0, !text.contains(".") else { return digits[last] }
    let figures = text.filter { $0 != "," }
    let zeros = figures.reversed().prefix { $0 == "0" }.count
    // 십 백 천 만 억 end in consonants, so does 경; 조 does not. Noughts alone are 영 or 공.
    return zeros < figures.count && (12...15).contains(zeros) ? .vowel : .consonant
  }
}
