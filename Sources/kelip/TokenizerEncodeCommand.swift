import ArgumentParser
import Basics
import Foundation
import Tokenization

struct TokenizerEncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Show the tokens of texts.")

  @OptionGroup var options: TokenizerOptions

  @Flag(help: "One JSON object a text: text, ids, tokens.")
  var json = false

  @Option(help: "Frame with the start and end token and cut to this many ids, as a caption is trained.")
  var contextLength: Int?

  @Option(help: "A file with a text a line; - is standard input.", completion: .file())
  var file: String?

  @Flag(help: "The lines of --file are JSON strings.")
  var jsonLines = false

  @Argument(help: "The texts.")
  var texts: [String] = []

  func validate() throws {
    if let contextLength, contextLength < 2 { throw ValidationError("--context-length must be 2 or more") }
    guard texts.isEmpty != (file == nil) else { throw ValidationError("give texts or --file") }
    if jsonLines, file == nil { throw ValidationError("--json-lines is about --file") }
  }

  func run() throws {
    let tokenizer = try options.load()
    for text in texts { show(text, tokenizer) }
    guard let file else { return }
    var number = 0
    for line in try TextLines(path: file) {
      number += 1
      show(try jsonLines ? Self.unquoted(line, at: "\(file), line \(number)") : line, tokenizer)
    }
  }

  private static func unquoted(_ line: String, at location: String) throws -> String {
    do {
      return try JSONDecoder().decode(String.self, from: Data(line.utf8))
    } catch {
      throw KelipError("not a JSON string", at: location)
    }
  }

  private func show(_ text: String, _ tokenizer: any Tokenizer) {
    let ids =
      contextLength.map { tokenizer.encodeCaption(text, contextLength: $0) } ?? tokenizer.encode(text)
    guard !json else {
      let tokens = ids.map { JSONText.string(tokenizer.token($0) ?? "") }
      let fields: [(String, JSONText)] = [
        ("ids", .array(ids.map { .integer(Int($0)) })), ("text", .string(text)), ("tokens", .array(tokens)),
      ]
      return print(JSONText.object(fields).text)
    }
    for id in ids { print("\(id)\t\(tokenizer.decode([id], skippingSpecials: false))") }
  }
}
