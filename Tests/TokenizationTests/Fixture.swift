import Foundation
import Testing

@testable import Tokenization

/// A text with what `tokenizers` makes of it.
struct EncodingCase: Decodable {
  let text: String
  let ids: [Int32]
  let decoded: String
}

enum Fixture {
  static func url(_ name: String) throws -> URL {
    try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil))
  }

  static func cases(_ name: String) throws -> [EncodingCase] {
    try JSONDecoder().decode([EncodingCase].self, from: Data(contentsOf: url(name)))
  }

  static func tokenizer(_ name: String = "tokenizer.json") throws -> BytePairTokenizer {
    try #require(try Tokenizers.load(url(name).path) as? BytePairTokenizer)
  }

  static func corpus() throws -> [String] {
    try String(contentsOf: url("corpus.txt"), encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// `text` as a file that is gone after `body`.
  static func withTemporaryFile<Result>(_ text: String, _ body: (URL) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "kelip-\(UUID().uuidString).json")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url)
  }
}

/// Texts are compared scalar by scalar: `String ==` takes canonically equivalent texts as equal.
func scalars(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }
