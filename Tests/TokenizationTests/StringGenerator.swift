import Basics

/// The texts of Fixtures/strings.py: same seed, same texts.
struct StringGenerator {
  private var generator: SeededGenerator
  private let lines: [String]

  static func strings(seed: UInt64, count: Int, lines: [String]) -> [String] {
    var generator = StringGenerator(generator: SeededGenerator(seed: seed), lines: lines)
    return (0..<count).map { generator.text(kind: $0 % 16) }
  }

  /// Every scalar of the planes 0 to 3 and 14, 64 a text.
  static func sweep() -> [String] {
    let starts =
      Array(stride(from: UInt32(0), to: 0x4_0000, by: 64)) + stride(from: 0xE_0000, to: 0xE_1000, by: 64)
    return starts.map { start in
      var text = String.UnicodeScalarView()
      for value in start..<start + 64 {
        guard let scalar = Unicode.Scalar(value) else { continue }
        text.append(contentsOf: [scalar, "a", " "])
      }
      return String(text)
    }
  }

  private init(generator: SeededGenerator, lines: [String]) {
    (self.generator, self.lines) = (generator, lines)
  }

  private mutating func below(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }

  private mutating func pick<Element>(_ items: [Element]) -> Element { items[below(items.count)] }

  private mutating func joined(_ count: Int, _ draw: (inout Self) -> String) -> String {
    var text = String.UnicodeScalarView()
    for _ in 0..<count { text.append(contentsOf: draw(&self).unicodeScalars) }
    return String(text)
  }

  private func scalar(_ value: Int) -> String { String(Unicode.Scalar(UInt32(value)) ?? "\u{FFFD}") }

  private mutating func letter() -> String { scalar(97 + below(26)) }

  private mutating func syllable() -> String { scalar(0xAC00 + below(11172)) }

  private mutating func spaced(_ draw: (inout Self) -> String) -> String {
    let space = below(5) == 0
    return (space ? " " : "") + draw(&self)
  }

  private mutating func longWord() -> String {
    let count = below(2) == 0 ? 80 + below(60) : 200 + below(200)
    switch below(4) {
    case 0: return String(repeating: letter(), count: count)
    case 1: return String(repeating: syllable(), count: count)
    case 2: return joined(count) { $0.letter() }
    default: return joined(count) { $0.syllable() }
    }
  }

  private mutating func text(kind: Int) -> String {
    let n = 1 + below(24)
    switch kind {
    case 0: return pick(lines)
    case 1:
      return joined(n) { g in
        let words = g.pick(g.lines).split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        return g.pick(words) + g.pick([" ", "  ", "", "-", ", ", "\n"])
      }
    case 2: return joined(n) { $0.spaced { $0.syllable() } }
    case 3: return joined(n) { $0.below(3) > 0 ? $0.scalar(0x1100 + $0.below(256)) : $0.syllable() }
    case 4: return joined(n) { $0.scalar(32 + $0.below(95)) }
    case 5: return joined(n) { $0.spaced { $0.pick(Self.emoji) } }
    case 6:
      return joined(n) { g in
        let base = g.pick(Self.bases)
        return base + g.joined(g.below(4)) { $0.pick(Self.marks) }
      }
    case 7: return joined(n) { $0.below(2) > 0 ? $0.pick(Self.controls) : $0.letter() }
    case 8: return String(decoding: (0..<n).map { _ in UInt8(below(256)) }, as: UTF8.self)
    case 9: return joined(n) { $0.below(3) > 0 ? $0.pick(Self.spaces) : $0.letter() }
    case 10: return longWord()
    case 11: return joined(n) { $0.scalar($0.below(0x11_0000)) }
    case 12: return joined(n) { $0.spaced { $0.scalar($0.below(0x1_0000)) } }
    case 13:
      return joined(n) { g in
        g.spaced { g in
          let script = g.pick(Self.scripts)
          return g.scalar(script.lowerBound + g.below(script.count))
        }
      }
    case 14: return joined(1 + n % 6) { $0.pick(Self.specials) + $0.pick([" ", "", "a", "가"]) }
    default: return joined(2 + below(2)) { $0.text(kind: $0.below(15)) }
    }
  }
}

extension StringGenerator {
  private static func scalars(_ text: String) -> [String] { text.unicodeScalars.map { String($0) } }

  private static let bases = scalars("aeiouAEOU가ㄱ하 あか한\u{915}\u{9C7}\u{B92}\u{11935}")
  private static let marks = scalars(
    "\u{300}\u{301}\u{308}\u{323}\u{327}\u{345}\u{34F}\u{591}\u{64B}\u{93C}\u{9BE}\u{BD7}\u{E31}\u{1AB0}\u{1DC0}\u{20D0}"
      + "\u{20DD}\u{302A}\u{302E}\u{302F}\u{3099}\u{309A}\u{FE20}\u{1D165}\u{1D16D}\u{16FF0}\u{7FD}\u{8D3}")
  private static let controls = scalars(
    "\u{0}\u{1}\u{7}\u{8}\u{9}\u{A}\u{B}\u{C}\u{D}\u{1B}\u{1F}\u{7F}\u{80}\u{85}\u{9F}\u{AD}\u{600}\u{61C}\u{70F}\u{180E}"
      + "\u{200B}\u{200C}\u{200D}\u{200E}\u{200F}\u{202A}\u{202E}\u{2060}\u{2066}\u{206F}\u{FEFF}\u{FFF9}\u{FFFC}\u{FFFD}"
      + "\u{FFFE}\u{FFFF}\u{E000}\u{E0001}\u{E0020}\u{10FFFD}")
  private static let spaces = scalars(
    " \t\n\r\u{B}\u{C}\u{85}\u{A0}\u{1680}\u{2000}\u{2003}\u{2007}\u{2009}\u{200A}\u{200B}\u{2028}\u{2029}\u{202F}\u{205F}"
      + "\u{3000}\u{FEFF}")
  private static let emoji = [
    "😀", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🇰🇷", "🇺🇸", "☃️", "❄️", "❤️‍🔥", "🏳️‍🌈", "👩🏿‍🚀", "1️⃣", "🧑🏻‍🤝‍🧑🏾", "🫠", "\u{1FAE9}",
    "🏴\u{E0067}\u{E0062}\u{E007F}", "♥",
    "™", "〰️",
  ]
  private static let specials = [
    "[PAD]", "[SOT]", "[EOT]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "[cls]", "<|startoftext|>",
    "<|endoftext|>",
    "<|STARTOFTEXT|>", "<|EndOfText|>", "!<|endoftext|>", "##a", "</w>", "a</w>", "'s", "'LL", "’s", "''re",
    "&amp;",
    "<b>",
  ]
  private static let scripts: [Range<Int>] = [
    0xC0..<0x180, 0x180..<0x250, 0x370..<0x400, 0x400..<0x530, 0x530..<0x590, 0x590..<0x600, 0x600..<0x700,
    0x900..<0x980, 0x980..<0xA00, 0xB80..<0xC00, 0xE00..<0xE80, 0xF00..<0x1000, 0x10A0..<0x1100,
    0x13A0..<0x1400,
    0x1E00..<0x2000, 0x2000..<0x2070, 0x2100..<0x2190, 0x2C60..<0x2D30, 0x3000..<0x3040, 0x3040..<0x3100,
    0x3130..<0x3190, 0x3200..<0x3400, 0x4E00..<0x9FFF, 0xA640..<0xA6A0, 0xF900..<0xFB00, 0xFB00..<0xFE00,
    0xFF00..<0xFFF0, 0x10400..<0x10450, 0x11000..<0x11100, 0x1D100..<0x1D200, 0x1D400..<0x1D800,
    0x1E900..<0x1E960,
    0x20000..<0x20100, 0x2F800..<0x2FA20,
  ]
}
