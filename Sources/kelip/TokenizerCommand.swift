import ArgumentParser
import Basics
import Foundation
import Tokenization

/// `kelip tokenizer`: byte-level BPE, CLIP's BPE and WordPiece.
struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Train, apply, inspect and convert tokenizers.",
    subcommands: [
      TokenizerTrainCommand.self, TokenizerEncodeCommand.self, TokenizerInspectCommand.self,
      TokenizerConvertCommand.self,
    ])
}

/// Which tokenizer a command reads.
struct TokenizerOptions: ParsableArguments {
  @Option(
    help:
      "tokenizer.json, CLIP's bpe_simple_vocab_16e6.txt.gz, BERT's vocab.txt, or a folder that holds one.",
    completion: .file())
  var tokenizer: String

  @Flag(
    exclusivity: .exclusive,
    help: "For vocab.txt: cased or uncased, instead of what tokenizer_config.json or the vocabulary says.")
  var casing: Casing?

  func load() throws -> any Tokenizer {
    try Tokenizers.load(tokenizer, lowercase: casing.map { $0 == .uncased })
  }
}

enum Casing: String, EnumerableFlag {
  case cased, uncased
}

struct TokenizerInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Describe a tokenizer.")

  @OptionGroup var options: TokenizerOptions
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let tokenizer = try options.load()
    let ids = [
      ("pad_id", tokenizer.padID), ("sot_id", tokenizer.startID), ("eot_id", tokenizer.endID),
      ("mask_id", tokenizer.maskID),
    ]
    let fields: [(String, JSONText)] =
      [("kind", .string(tokenizer.kind.rawValue)), ("vocab_size", .integer(tokenizer.vocabSize))]
      + ids.map { ($0, $1.map { .integer(Int($0)) } ?? .null) } + tokenizer.facts
    printFields(fields, json: json)
  }
}

struct TokenizerConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Write any tokenizer as a tokenizer.json that gives the same ids.")

  @OptionGroup var options: TokenizerOptions
  @Option(name: .customLong("out"), help: "The tokenizer.json to write.", completion: .file()) var output:
    String

  func run() throws {
    let tokenizer = try options.load()
    try tokenizer.write(to: URL(filePath: output))
    print("\(output): \(tokenizer.kind.rawValue), \(tokenizer.vocabSize) ids")
  }
}
