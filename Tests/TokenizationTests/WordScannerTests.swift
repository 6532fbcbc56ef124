import Testing

@testable import Tokenization

@Suite struct WordScannerTests {
  @Test(arguments: [
    ("", []),
    (" ", [" "]),
    ("a b", ["a", " b"]),
    ("a  b", ["a", " ", " b"]),
    ("a \nb", ["a", " ", "\n", "b"]),
    ("a \n", ["a", " \n"]),
    ("it's", ["it", "'s"]),
    ("we'll'x", ["we", "'ll", "'", "x"]),
    ("'re've'd", ["'re", "'ve", "'d"]),
    ("'l", ["'", "l"]),
    ("!'s", ["!'", "s"]),
    (" 's", [" '", "s"]),
    ("abc123!?", ["abc", "123", "!?"]),
    ("고양이 3마리", ["고양이", " 3", "마리"]),
    ("a\u{A0}b", ["a", "\u{A0}", "b"]),
    ("e\u{301}t", ["e", "\u{301}", "t"]),
  ])
  func wordsAreGPT2s(text: String, expected: [String]) {
    let bytes = Array(text.utf8)
    let words = bytes.withUnsafeBufferPointer { buffer in
      WordScanner(buffer).map { String(decoding: buffer[$0], as: UTF8.self) }
    }
    #expect(words.map(scalars) == expected.map(scalars))
  }

  @Test func addedTokensAreFoundLongestFirst() {
    let matcher = AddedTokenMatcher([
      AddedToken(id: 1, content: "[A]", special: true), AddedToken(id: 2, content: "[A]]", special: true),
      AddedToken(id: 3, content: "", special: true),
    ])
    let found = Array("[A]][A]x[A".utf8).withUnsafeBufferPointer(matcher.segments)
    #expect(found == [.added(2), .added(1), .text(7..<10)])
  }

  @Test func byteAlphabetIsInvertible() {
    let bytes = (0...255).map { UInt8($0) }
    #expect(ByteAlphabet.bytes(of: ByteAlphabet.text(of: bytes)) == bytes)
    #expect(Set(ByteAlphabet.characters).count == 256)
    #expect(ByteAlphabet.bytesByCharacter.sorted() == bytes)
    #expect(ByteAlphabet.bytes(of: "한") == nil)
  }
}
