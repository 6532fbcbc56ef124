import Basics
import Foundation
import Testing

@testable import Tokenization

@Suite struct TokenizerTests {
  @Test func idsAreLaidOutAsKELIPs() throws {
    let tokenizer = try Fixture.tokenizer()
    let size = Int32(tokenizer.vocabSize)
    #expect(tokenizer.padID == 0)
    #expect(tokenizer.startID == size - 2)
    #expect(tokenizer.endID == size - 1)
    #expect(tokenizer.vocabulary[1...256].allSatisfy { $0?.unicodeScalars.count == 1 })
    #expect(tokenizer.mergeCount == tokenizer.vocabSize - 259)
  }

  @Test(arguments: [2, 3, 7, 77])
  func captionsAreFramedAndCut(contextLength: Int) throws {
    let tokenizer = try Fixture.tokenizer()
    for text in ["", "cat", "빨간 자전거 on the beach", String(repeating: "고양이 ", count: 60)] {
      let ids = tokenizer.encode(text)
      let caption = tokenizer.encodeCaption(text, contextLength: contextLength)
      #expect(caption.count == min(contextLength, ids.count + 2))
      #expect(caption.first == tokenizer.startID)
      #expect(caption.last == tokenizer.endID)
      #expect(Array(caption[1..<caption.count - 1]) == Array(ids.prefix(contextLength - 2)))
    }
  }

  @Test func decodingSkipsOrKeepsSpecials() throws {
    let tokenizer = try Fixture.tokenizer()
    let caption = tokenizer.encodeCaption("a Cat", contextLength: 77)
    #expect(tokenizer.decode(caption) == "a cat")
    #expect(tokenizer.decode(caption, skippingSpecials: false) == "[SOT]a cat[EOT]")
    #expect(tokenizer.decode([Int32(tokenizer.vocabSize), -1]) == "")
  }

  @Test func writtenFilesReadBackEqual() throws {
    for name in ["tokenizer.json", "tokenizer_nfc.json"] {
      let tokenizer = try Fixture.tokenizer(name)
      let again = try Fixture.withTemporaryFile("") { url in
        try tokenizer.write(to: url)
        return try #require(try Tokenizers.load(url.path) as? BytePairTokenizer)
      }
      #expect(again.vocabulary == tokenizer.vocabulary)
      #expect(again.merges.pairs == tokenizer.merges.pairs)
      #expect(again.addedTokens == tokenizer.addedTokens)
      #expect(again.layout == tokenizer.layout)
    }
  }

  @Test func threadsShareATokenizer() async throws {
    let tokenizer = try Fixture.tokenizer()
    let cases = try Fixture.cases("cases.json")
    let wrong = await withTaskGroup(of: Int.self) { group in
      for shift in 0..<4 {
        group.addTask {
          let rotated = cases[(40 * shift)...] + cases[..<(40 * shift)]
          return rotated.filter { tokenizer.encode($0.text) != $0.ids }.count
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }

  @Test(arguments: [
    ("\"type\": \"BPE\"", "\"type\": \"Unigram\"", "Unigram"),
    ("\"dropout\": null", "\"dropout\": 0.1", "dropout"),
    ("\"dropout\": null", "\"dropout\": \"much\"", "model.dropout: a number"),
    (
      "\"continuing_subword_prefix\": null", "\"continuing_subword_prefix\": \"##\"",
      "continuing_subword_prefix"
    ),
    (
      "\"unk_token\": null,\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null",
      "\"unk_token\": \"[PAD]\", \"end_of_word_suffix\": \"</w>\"", "bytes missing"
    ),
    ("\"ignore_merges\": false", "\"ignore_merges\": true", "ignore_merges"),
    ("\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space"),
    ("\"type\": \"Lowercase\"", "\"type\": \"StripAccents\"", "StripAccents"),
    ("\"lstrip\": false", "\"lstrip\": true", "lstrip"),
    ("\"lstrip\": false", "\"lstrip\": 1", "added_tokens[0].lstrip: true or false"),
    ("\"id\": 0", "\"id\": -1", "added_tokens[0].id"),
    ("\"id\": 0", "\"id\": 2000000000", "2000000000"),
    ("\"!\": 1,", "\"!\": 1.5,", "'!'"),
    ("\"!\": 1,", "\"!\": 1, \"!\": 1,", "twice"),
    ("\"content\": \"[EOT]\"", "\"content\": \"[END]\"", "[EOT]"),
    ("\"merges\": [", "\"merges\": [[\"nope\", \"a\"],", "merge 0"),
    ("\"!\": 1,", "\"!\": 2,", "id 2"),
    ("\"!\": 1,", "\"!\": 1000000000,", "1000000000"),
    ("\"model\": {", "\"modle\": {", "model"),
  ])
  func filesThatWouldGiveOtherIDsAreRefused(original: String, replacement: String, named: String) throws {
    let text = try String(contentsOf: Fixture.url("tokenizer.json"), encoding: .utf8)
    let range = try #require(text.range(of: original))
    try Fixture.withTemporaryFile(text.replacingCharacters(in: range, with: replacement)) { url in
      let error = #expect(throws: KelipError.self) { _ = try Tokenizers.load(url.path) }
      #expect(error?.location == url.path)
      #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
    }
  }

  @Test func absentFilesAreReported() {
    #expect(throws: KelipError.self) {
      _ = try Tokenizers.load("/nowhere/t.json")
    }
  }
}
