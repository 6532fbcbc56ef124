import Basics
import Foundation
import Testing

@testable import Tokenization

/// Every kind of file, whole and damaged.
@Suite struct FormatTests {
  private static func load(_ bytes: some Sequence<UInt8>, name: String, lowercase: Bool? = nil) throws
    -> any Tokenizer
  {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kelip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appending(path: name)
    try Data(bytes).write(to: url)
    return try Tokenizers.load(url.path, lowercase: lowercase)
  }

  private static func expectFault(
    _ bytes: some Sequence<UInt8>, name: String, naming part: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: KelipError.self, sourceLocation: sourceLocation) {
      _ = try load(bytes, name: name)
    }
    #expect(
      error?.description.contains(part) == true, "\(error?.description ?? "")", sourceLocation: sourceLocation
    )
  }

  private static let smallVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\n##dish\nun\n##red\n사과\n."

  @Test func clipsLayoutOfIds() throws {
    let tokenizer = try #require(
      try Tokenizers.load(Fixture.url("clip_merges.txt.gz").path) as? BytePairTokenizer)
    #expect(tokenizer.kind == .clipBPE)
    #expect(tokenizer.padID == 0)
    #expect(tokenizer.startID == Int32(tokenizer.vocabSize) - 2)
    #expect(tokenizer.endID == Int32(tokenizer.vocabSize) - 1)
    #expect(tokenizer.vocabSize == 512 + tokenizer.mergeCount + 2)
    #expect(tokenizer.token(0) == "!")
    #expect(tokenizer.token(256) == "!</w>")
    let caption = tokenizer.encodeCaption("A  photo of 2 cats!", contextLength: 77)
    #expect(tokenizer.decode(caption) == "a photo of 2 cats !")
  }

  @Test func plainAndCompressedMergesAreTheSame() throws {
    let bytes = [UInt8](try Data(contentsOf: Fixture.url("clip_merges.txt.gz")))
    let text = try GzipFile.inflated(bytes, limit: 1 << 20, at: "")
    let plain = try Self.load(text, name: "merges.txt")
    #expect(plain.json() == (try Self.load(bytes, name: "bpe.gz")).json())
    let twice = try GzipFile.inflated(bytes + bytes, limit: 1 << 20, at: "")
    #expect(twice == text + text)
  }

  @Test func damagedGzipIsReported() throws {
    let bytes = [UInt8](try Data(contentsOf: Fixture.url("clip_merges.txt.gz")))
    for length in [2, 9, 11, bytes.count / 2, bytes.count - 9, bytes.count - 1] {
      Self.expectFault(bytes.prefix(length), name: "bpe.gz", naming: "cut off")
    }
    var flipped = bytes
    flipped[bytes.count - 6] ^= 1
    Self.expectFault(flipped, name: "bpe.gz", naming: "damaged")
    Self.expectFault(bytes + [1, 2, 3], name: "bpe.gz", naming: "gzip")
    #expect(throws: KelipError.self) { _ = try GzipFile.inflated(bytes, limit: 3000, at: "") }
  }

  @Test(arguments: [
    ("a", "line 2"), ("a b c", "line 2"), ("a b</w>\nc", "line 3"), ("a b\na b", "made twice"),
    ("ab c", "no line before"),
    ("", "line 2"), ("가 나", "no line before"),
  ])
  func damagedMergesAreReported(lines: String, named: String) {
    Self.expectFault("#version: 0.2\n\(lines)\n".utf8, name: "merges.txt", naming: named)
  }

  @Test func wordPiecesAreTheLongest() throws {
    let tokenizer = try Self.load(Self.smallVocabulary.utf8, name: "vocab.txt")
    #expect(tokenizer.kind == .wordPiece)
    #expect([tokenizer.padID, tokenizer.startID, tokenizer.endID, tokenizer.maskID] == [0, 2, 3, 4])
    #expect(tokenizer.encode("Reddish unred.") == [5, 6, 7, 8, 10])
    #expect(tokenizer.encode("reddis red[MASK]") == [1, 5, 4])
    #expect(tokenizer.encodeCaption("red red red", contextLength: 4) == [2, 5, 5, 3])
    #expect(tokenizer.decode([2, 5, 6, 7, 8, 10, 3]) == "reddish unred.")
    #expect(tokenizer.encode("") == [])
  }

  /// Uncased BERT takes Hangul apart: a syllable of the vocabulary is found only by a cased one.
  @Test func casingDecidesOnHangul() throws {
    let cased = try Self.load(Self.smallVocabulary.utf8, name: "vocab.txt", lowercase: false)
    let uncased = try Self.load(Self.smallVocabulary.utf8, name: "vocab.txt", lowercase: true)
    #expect(cased.encode("사과 Red") == [9, 1])
    #expect(uncased.encode("사과 Red") == [1, 5])
    let jamo = try Self.load(
      (Self.smallVocabulary + "\n\u{1109}\u{1161}\u{1100}\u{116A}\n").utf8, name: "vocab.txt")
    #expect(jamo.encode("사과") == [11])
    #expect(jamo.vocabSize == 12)
  }

  @Test func casingIsReadBesideTheVocabulary() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kelip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(Self.smallVocabulary.utf8).write(to: folder.appending(path: "vocab.txt"))
    let config = folder.appending(path: "tokenizer_config.json")
    #expect(try Tokenizers.load(folder.path).encode("RED") == [5])
    try Data(#"{"do_lower_case": false}"#.utf8).write(to: config)
    #expect(try Tokenizers.load(folder.path).encode("RED") == [1])
    try Data(#"{"do_lower_case": "no"}"#.utf8).write(to: config)
    #expect(throws: KelipError.self) { _ = try Tokenizers.load(folder.path) }
    #expect(try Self.load((Self.smallVocabulary + "\nBlue").utf8, name: "vocab.txt").encode("RED") == [1])
  }

  @Test(arguments: [
    ("[PAD]\n[UNK]\n[CLS]\nred", "[SEP]"), ("[CLS]\n[SEP]\nred", "[UNK]"), ("", "0 lines"),
    ("\n\n", "2 lines"),
  ])
  func vocabulariesWithoutSpecialsAreReported(text: String, named: String) {
    Self.expectFault(text.utf8, name: "vocab.txt", naming: named)
  }

  @Test func filesThatAreNoTextAreReported() {
    Self.expectFault([0xFF, 0xFE, 0x00], name: "vocab.txt", naming: "UTF-8")
    Self.expectFault([0x7B, 0xFF, 0x7D], name: "t.json", naming: "UTF-8")
  }

  @Test(arguments: [
    ("", "a value is wanted"), ("{", "a key"), ("{\"a\"}", "a colon"), ("{\"a\": 1", "a comma"),
    ("[1, 2", "a comma"),
    ("[1,]", "a value"), ("{} {}", "follows"), ("\"a", "ends in a string"), ("\"\\u12\"", "hexadecimal"),
    ("\"\\ud800\"", "surrogate"), ("\"\\udc00 \"", "surrogate"), ("\"\\ud800\\u0041\"", "surrogate"),
    ("\"\\x\"", "escape"),
    ("nul", "'null'"), ("+1", "a value"), ("-", "a value"), ("1e999", "a value"), ("\"\t\"", "control"),
    (String(repeating: "[", count: 100_000), "deep"), ("[]", "an object is wanted, a list"),
    ("{}", "no 'model'"),
    ("{\"model\": 3}", "model: an object"), ("{\"model\": {\"type\": []}}", "model.type: a string"),
    ("{\"model\": {\"type\": \"WordPiece\"}}", "BertPreTokenizer"),
    ("{\"model\": {\"vocab\": {}}}", "pre_tokenizer"),
  ])
  func damagedJSONIsReported(text: String, named: String) {
    Self.expectFault(text.utf8, name: "t.json", naming: named)
  }

  @Test func jsonStringsKeepTheirScalars() throws {
    let text = #"["\u00e9\ud83d\ude00\n\/\"", "e\u0301", "é", -1.5e2, true, null, {"k": [], "k": 1}]"#
    let values = try JSONParser.parse(Array(text.utf8), at: "").elements()
    #expect(scalars(try values[0].string()) == [0xE9, 0x1F600, 10, 0x2F, 0x22])
    #expect(scalars(try values[1].string()) == [0x65, 0x301])
    #expect(scalars(try values[2].string()) == [0xE9])
    #expect(try values[3].number() == -150)
    #expect(try values[4].bool())
    #expect(try values[6].required("k").number() == 1)
  }

  /// Cut anywhere and with bytes changed at random: a tokenizer or a `KelipError`, never a trap.
  @Test(arguments: ["tokenizer_nfc.json", "clip_merges.txt.gz", "vocab_uncased.txt"])
  func noDamageTraps(file: String) throws {
    let bytes = [UInt8](try Data(contentsOf: Fixture.url(file))).prefix(6000)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      var damaged = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
      for _ in 0..<Int.random(in: 0...3, using: &generator) where !damaged.isEmpty {
        damaged[Int.random(in: damaged.indices, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      do {
        _ = try Self.load(damaged, name: file).encode("a Red 사과")
      } catch let error as KelipError {
        #expect(!error.message.isEmpty)
      }
    }
  }
}
