import Basics
import Foundation
import Testing

@testable import Tokenization

/// Ids against `tokenizers` and `transformers` on 20,160 texts: see Fixtures/make_parity.py.
@Suite struct TwentyThousandTextsTests {
  private static let texts: [String] = {
    let lines = (try? Fixture.corpus()) ?? []
    return StringGenerator.strings(seed: 20_220_314, count: 16_000, lines: lines) + StringGenerator.sweep()
  }()

  @Test(arguments: [
    ("tokenizer.json", "bpe"), ("tokenizer_nfc.json", "bpe_nfc"), ("clip_merges.txt.gz", "clip"),
    ("vocab_cased.txt", "cased"), ("vocab_uncased.txt", "uncased"),
  ])
  func idsEqual(file: String, name: String) throws {
    let expected = [UInt8](try Data(contentsOf: Fixture.url("parity_\(name).bin")))
    #expect(Self.texts.count >= 20_000)
    try #require(expected.count == 4 * Self.texts.count)
    let tokenizer = try Tokenizers.load(Fixture.url(file).path)
    let readBack = try Fixture.withTemporaryFile("") { url in
      try tokenizer.write(to: url)
      return try Tokenizers.load(url.path)
    }
    for (index, text) in Self.texts.enumerated() {
      let wanted = expected[4 * index..<4 * index + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let ids = tokenizer.encode(text)
      if Self.digest(ids) != wanted { Issue.record("text \(index), \(text.debugDescription): \(ids)") }
      // Every seventh: a debug build is slow, and the parts that differ are few.
      if index.isMultiple(of: 7), readBack.encode(text) != ids {
        Issue.record("written and read: text \(index)")
      }
    }
  }

  /// FNV-1a over the ids' little-endian bytes.
  private static func digest(_ ids: [Int32]) -> UInt32 {
    var value: UInt32 = 0x811C_9DC5
    for id in ids {
      for shift in stride(from: 0, to: 32, by: 8) {
        value = (value ^ (UInt32(bitPattern: id) >> UInt32(shift) & 0xFF)) &* 0x0100_0193
      }
    }
    return value
  }

  @Test(arguments: [
    ("clip_merges.txt.gz", "clip"), ("vocab_cased.txt", "cased"), ("vocab_uncased.txt", "uncased"),
  ])
  func writtenFilesEqualTransformersByteForByte(file: String, name: String) throws {
    let saved = try JSONDecoder().decode(
      [String: String].self, from: Data(contentsOf: Fixture.url("saved.json")))
    let written = try Tokenizers.load(Fixture.url(file).path).json()
    #expect(SHA256Hasher.hexDigest(of: Array(written)) == saved[name])
  }
}
