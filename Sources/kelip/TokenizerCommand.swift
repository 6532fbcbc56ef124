import ArgumentParser
import Basics
import Foundation
import ShardStream
import Tokenization

/// `kelip tokenizer`: byte-level BPE in Hugging Face's tokenizer.json.
struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Train, apply and inspect a byte-level BPE tokenizer.",
    subcommands: [TokenizerTrainCommand.self, TokenizerEncodeCommand.self, TokenizerInspectCommand.self])
}

struct TokenizerTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Learn a vocabulary from captions and write tokenizer.json.")

  @Option(parsing: .upToNextOption, help: "Text files, a caption a line.", completion: .file())
  var corpus: [String] = []

  @Option(parsing: .upToNextOption, help: "Shards whose captions to learn from: directory, glob or list.")
  var shards: [String] = []

  @Option(help: "Vocabulary size V, special tokens included.")
  var vocabSize = 98818

  @Option(help: "The least number of times that a pair must occur to be joined.")
  var minFrequency = 2

  @Option(name: .customLong("out"), help: "The tokenizer.json to write.", completion: .file())
  var output: String

  func run() throws {
    let trainer = try BytePairTrainer(vocabSize: vocabSize, minFrequency: minFrequency)
    let tokenizer = try trainer.train(on: try captions())
    try tokenizer.write(to: URL(filePath: output))
    print("\(output): \(tokenizer.vocabSize) tokens, \(tokenizer.mergeCount) of them merges")
    if tokenizer.vocabSize < vocabSize {
      let reason = "no further pair occurs \(minFrequency) times; use more text or a smaller --min-frequency"
      try FileHandle.standardError.write(
        contentsOf: Data("the vocabulary is smaller than the \(vocabSize) asked for: \(reason)\n".utf8))
    }
  }
}

extension TokenizerTrainCommand {
  private func captions() throws -> [String] {
    guard !corpus.isEmpty || !shards.isEmpty else { throw KelipError("give --corpus or --shards") }
    let fromFiles = try corpus.map(CaptionLines.init(path:)).joined()
    guard !shards.isEmpty else { return Array(fromFiles) }
    let fromShards = ShardCaptions.read(from: try ShardList.resolve(shards))
    let captions = fromFiles + Array(fromShards)
    for fault in fromShards.faults { FileHandle.standardError.write(Data("damaged: \(fault)\n".utf8)) }
    return captions
  }
}

/// The captions of a text file: its lines that are not blank, without the line's end.
private struct CaptionLines: Sequence {
  private let contents: Data

  init(path: String) throws {
    do {
      contents = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    } catch {
      throw KelipError("cannot read the corpus: \(error.localizedDescription)", at: path)
    }
  }

  func makeIterator() -> some IteratorProtocol<String> {
    contents.lazy.split(separator: UInt8(ascii: "\n"))
      .map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
      .filter { !$0.allSatisfy(\.isWhitespace) }
      .makeIterator()
  }
}

struct TokenizerEncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Show the tokens of texts.")

  @Option(help: "A tokenizer.json.", completion: .file())
  var tokenizer: String

  @Flag(help: "One JSON object a text: text, ids, tokens.")
  var json = false

  @Option(help: "Frame with [SOT] and [EOT] and cut to this many ids, as a caption is trained.")
  var contextLength: Int?

  @Argument(help: "The texts.")
  var texts: [String]

  private struct Encoded: Encodable {
    let text: String
    let ids: [Int32]
    let tokens: [String]
  }

  func validate() throws {
    if let contextLength, contextLength < 2 { throw ValidationError("--context-length must be 2 or more") }
  }

  func run() throws {
    let tokenizer = try BytePairTokenizer(contentsOf: URL(filePath: tokenizer))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for text in texts {
      let ids =
        contextLength.map { tokenizer.encodeCaption(text, contextLength: $0) } ?? tokenizer.encode(text)
      let tokens = ids.map { tokenizer.token($0) ?? "" }
      if json {
        print(
          String(decoding: try encoder.encode(Encoded(text: text, ids: ids, tokens: tokens)), as: UTF8.self))
      } else {
        print(
          zip(ids, ids.map { tokenizer.decode([$0], skippingSpecials: false) }).map { "\($0)\t\($1)" }
            .joined(separator: "\n"))
      }
    }
  }
}

struct TokenizerInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Describe a tokenizer.json.")

  @Option(help: "A tokenizer.json.", completion: .file())
  var tokenizer: String

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Description: Encodable {
    let vocab_size: Int
    let merges: Int
    let pad_id: Int32
    let sot_id: Int32
    let eot_id: Int32
  }

  func run() throws {
    let tokenizer = try BytePairTokenizer(contentsOf: URL(filePath: tokenizer))
    let description = Description(
      vocab_size: tokenizer.vocabSize, merges: tokenizer.mergeCount, pad_id: tokenizer.padID,
      sot_id: tokenizer.sotID, eot_id: tokenizer.eotID)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      print(String(decoding: try encoder.encode(description), as: UTF8.self))
    } else {
      print("vocabulary \(description.vocab_size), merges \(description.merges)")
      print("[PAD] \(description.pad_id), [SOT] \(description.sot_id), [EOT] \(description.eot_id)")
    }
  }
}
