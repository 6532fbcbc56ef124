import ArgumentParser
import Basics
import Foundation
import ShardStream
import Tokenization

struct TokenizerTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Learn a byte-level BPE from captions and write tokenizer.json.")

  @Option(
    name: [.customLong("text"), .customLong("corpus")], parsing: .upToNextOption,
    help: "Text files, a caption a line; - is standard input.", completion: .file())
  var texts: [String] = []

  @Option(parsing: .upToNextOption, help: "Shards whose captions to learn from: directory, glob or list.")
  var shards: [String] = []

  @Option(help: "Vocabulary size V, special tokens included.")
  var vocabSize = 98818

  @Option(help: "The least number of times that a pair must occur to be joined.")
  var minFrequency = 2

  @Option(
    help: "Distinct words to count exactly; beyond, the rarest are forgotten and counts are approximate.")
  var maxWords = BytePairTrainer.defaultMaxWords

  @Option(help: "Threads that count words; the result does not depend on them.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(name: .customLong("out"), help: "The tokenizer.json to write.", completion: .file())
  var output: String

  func validate() throws {
    if threads < 1 { throw ValidationError("--threads must be 1 or more") }
    if texts.isEmpty, shards.isEmpty { throw ValidationError("give --text or --shards") }
  }

  func run() throws {
    let trainer = try BytePairTrainer(
      vocabSize: vocabSize, minFrequency: minFrequency, maxWords: maxWords, threads: threads)
    let display = TrainingDisplay()
    let captions = CaptionSource(
      files: try texts.map(TextLines.init(path:)), shards: shards.isEmpty ? [] : try ShardList.resolve(shards)
    )
    let tokenizer = try trainer.train(on: captions, progress: display.show)
    display.finish()
    for fault in captions.faults { display.tell("damaged: \(fault)") }
    try tokenizer.write(to: URL(filePath: output))
    print("\(output): \(tokenizer.vocabSize) tokens, \(tokenizer.mergeCount) of them merges")
    if tokenizer.vocabSize < vocabSize {
      let reason = "no further pair occurs \(minFrequency) times; use more text or a smaller --min-frequency"
      display.tell("the vocabulary is smaller than the \(vocabSize) asked for: \(reason)")
    }
  }
}

/// Captions as they are asked for: the lines of files that are not blank, then those of shards.
private final class CaptionSource: Sequence, IteratorProtocol {
  private var files: ArraySlice<TextLines>
  private let shards: ShardCaptions

  init(files: [TextLines], shards: [URL]) {
    self.files = files[...]
    self.shards = ShardCaptions.read(from: shards)
  }

  var faults: [String] { shards.faults }

  func next() -> String? {
    while !files.isEmpty {
      if let line = files[files.startIndex].next() {
        if line.utf8.contains(where: { $0 > 0x20 }) { return line }
      } else {
        files.removeFirst()
      }
    }
    return shards.next()
  }
}

/// Progress on standard error: one line that is written over on a terminal, a line every ten seconds elsewhere.
private final class TrainingDisplay {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private var shown: ContinuousClock.Instant?
  private var bound: Int64 = 0

  func show(_ progress: BytePairTrainer.Progress) {
    if case .counting(_, _, let words, let undercount) = progress, undercount > bound {
      bound = undercount
      tell("more than --max-words distinct words: \(words) kept, counts are too low by up to \(undercount)")
    }
    let now = ContinuousClock.now
    if let shown, now - shown < .seconds(isTerminal ? 0.2 : 10) { return }
    shown = now
    let line = text(progress, seconds: (now - start) / .seconds(1))
    write(isTerminal ? "\r\u{1B}[K" + line : line + "\n")
  }

  private func text(_ progress: BytePairTrainer.Progress, seconds: Double) -> String {
    switch progress {
    case .counting(let captions, let bytes, let words, _):
      let megabytes = Double(bytes) / 1e6
      let rate = String(format: "%.0f MB, %.1f MB/s", megabytes, megabytes / max(seconds, 1e-3))
      return "counting: \(captions) captions, \(words) distinct words, \(rate)"
    case .joining(let merges, let total): return "joining: \(merges) of \(total) merges"
    }
  }

  func finish() {
    if isTerminal { write("\r\u{1B}[K") }
  }

  func tell(_ message: String) { write((isTerminal ? "\r\u{1B}[K" : "") + message + "\n") }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
