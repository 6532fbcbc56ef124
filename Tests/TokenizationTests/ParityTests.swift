import Foundation
import Testing

@testable import Tokenization

/// Against Hugging Face tokenizers: see Fixtures/make_fixtures.py.
@Suite struct ParityTests {
  @Test(arguments: [("tokenizer.json", "cases.json"), ("tokenizer_nfc.json", "cases_nfc.json")])
  func idsAndDecodedTextEqualTokenizers(file: String, cases: String) throws {
    let tokenizer = try Fixture.tokenizer(file)
    let cases = try Fixture.cases(cases)
    #expect(cases.count >= 300)
    for round in ["computed", "from the cache"] {
      for one in cases {
        #expect(tokenizer.encode(one.text) == one.ids, "\(round): \(one.text.debugDescription)")
      }
    }
    for one in cases {
      #expect(scalars(tokenizer.decode(one.ids)) == scalars(one.decoded), "\(one.text.debugDescription)")
    }
  }

  @Test func trainingEqualsTokenizersByteForByte() throws {
    let trained = try BytePairTrainer(vocabSize: 900).train(on: Fixture.corpus())
    let expected = try String(contentsOf: Fixture.url("tokenizer.json"), encoding: .utf8)
    let written = try Fixture.withTemporaryFile("") { url in
      try trained.write(to: url)
      return try String(contentsOf: url, encoding: .utf8)
    }
    #expect(Array(written.utf8) == Array(expected.utf8))
  }

  @Test func trainingStopsAtTheVocabularySize() throws {
    let trained = try BytePairTrainer(vocabSize: 400).train(on: Fixture.corpus())
    let reference = try Fixture.tokenizer("tokenizer_nfc.json")
    #expect(trained.vocabSize == 400)
    #expect(trained.vocabulary == reference.vocabulary)
    #expect(trained.merges.pairs == reference.merges.pairs)
  }

  private struct UnicodeFixture: Decodable {
    let class_runs: [[UInt32]]
    let lowercase: [String: String]
  }

  @Test func scalarClassesAndLowercaseEqualTokenizers() throws {
    let fixture = try JSONDecoder().decode(
      UnicodeFixture.self, from: Data(contentsOf: Fixture.url("unicode.json")))
    let kinds: [ScalarClass] = [.other, .letter, .number, .space]
    let ends = fixture.class_runs.dropFirst().map { $0[0] } + [0x110000]
    for (run, end) in zip(fixture.class_runs, ends) {
      for value in run[0]..<end {
        guard let scalar = Unicode.Scalar(value) else { continue }
        let expected = kinds[Int(run[1])]
        if ScalarProperties.scalarClass(value) != expected {
          Issue.record("U+\(String(value, radix: 16)) \(expected)")
        }
        let lower = fixture.lowercase[String(value)].map(scalars)
        if (lower != nil) != ScalarProperties.changesWhenLowercased(value) {
          Issue.record("lower-casing \(value)")
        }
        if let lower, lower != scalars(scalar.properties.lowercaseMapping) {
          Issue.record("lower-casing \(value)")
        }
      }
    }
  }
}
