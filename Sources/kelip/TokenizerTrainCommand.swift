import ArgumentParser
import Basics
import Foundation
import ShardStream
import Tokenization

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
