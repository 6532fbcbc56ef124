/// How words in Latin letters end when they are read in Korean.
enum LatinReading {
  /// - Parameters:
  ///   - letters: ASCII letters, at least one.
  ///   - isAfterDigit: `kg` is then a unit.
  static func ending(of letters: String, isAfterDigit: Bool) -> WordEnding {
    if isAfterDigit, let unit = units[letters] { return unit }
    let word = letters.lowercased()
    // AI, TV, MP and single letters are spelt out.
    if letters.count == 1 || letters == letters.uppercased() { return spelt(word.last!) }
    return exceptions[word] ?? loanword(Array(word))
  }

  /// 엘, 알; 엠, 엔; all others end in a vowel.
  private static func spelt(_ letter: Character) -> WordEnding {
    switch letter {
    case "l", "r": .rieul
    case "m", "n": .consonant
    default: .vowel
    }
  }

  /// 미터, 킬로그램, 리터, …
  private static let units: [String: WordEnding] = [
    "m": .vowel, "cm": .vowel, "mm": .vowel, "km": .vowel, "g": .consonant, "kg": .consonant,
    "mg": .consonant,
    "l": .vowel, "L": .vowel, "ml": .vowel, "mL": .vowel, "s": .vowel, "h": .vowel, "w": .vowel, "W": .vowel,
    "kW": .vowel, "D": .vowel, "px": .rieul, "K": .vowel,
  ]

  /// Common words whose spelling misleads.
  private static let exceptions: [String: WordEnding] = [
    // 웹, 클럽, 크랩, 랩, 잡, 펍, 캡; 램, 콤 without their b.
    "web": .consonant, "club": .consonant, "crab": .consonant, "lab": .consonant, "job": .consonant,
    "pub": .consonant, "cab": .consonant, "lamb": .consonant, "comb": .consonant,
    // 백, 핸드백; 굿; 초콜릿.
    "bag": .consonant, "handbag": .consonant, "good": .consonant, "chocolate": .consonant,
    // 체크, 노크; 스테이크, 브레이크 follow the rules.
    "check": .vowel, "knock": .vowel,
    // 수프, 그룹, 지프: long vowels keep the p, but for 그룹.
    "soup": .vowel, "jeep": .vowel,
    // 제트, 네트, 세트, 히트, 배트, 매트, 너트: as they are used.
    "jet": .vowel, "net": .vowel, "set": .vowel, "hit": .vowel, "bat": .vowel, "mat": .vowel, "nut": .vowel,
    // 보트, 코트, 고트, 슈트, 루트, 시트, 하트 …: diphthongs and long vowels keep the t.
    "boat": .vowel, "coat": .vowel, "goat": .vowel, "suit": .vowel, "root": .vowel, "heat": .vowel,
    "sheet": .vowel, "street": .vowel, "meat": .vowel, "seat": .vowel, "beat": .vowel, "float": .vowel,
    "fruit": .vowel,
    // 뷔페, 발레, 부케: the t is silent.
    "buffet": .vowel, "ballet": .vowel, "bouquet": .vowel,
    // 애니메, 우쿨렐레: the e is not.
    "anime": .vowel, "ukulele": .vowel,
  ]

  private static let vowels = Set("aeiouy")

  private static func loanword(_ word: [Character]) -> WordEnding {
    func ends(_ suffix: String) -> Bool { word.suffix(suffix.count).elementsEqual(suffix) }
    // 애플, 웨일, 케이블
    if ends("le") { return .rieul }
    // 게임, 폰, 머신: a silent e behind m and n.
    if ends("me") || ends("ne") { return word.count > 3 || ends("one") ? .consonant : .vowel }
    switch word.last! {
    case "l": return .rieul
    case "m", "n": return .consonant
    case "g": return ends("ng") ? .consonant : .vowel
    case "k":
      // 트럭, 북; 밀크, 포크 have a consonant before, 스테이크 a diphthong.
      return ends("ck") || ends("ook") ? .consonant : .vowel
    case "c": return ends("ic") || ends("ac") ? .consonant : .vowel
    // 맵, 로봇; 램프, 벨트 have a consonant before.
    case "p", "t": return word.dropLast().last.map(vowels.contains) ?? false ? .consonant : .vowel
    default: return .vowel
    }
  }
}
