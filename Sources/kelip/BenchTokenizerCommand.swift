import ArgumentParser
import Basics
import Foundation
import Tokenization

/// `kelip bench tokenizer`: how fast texts become ids on one thread.
struct BenchTokenizer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Time encoding a file, a text a line, on one thread.")

  @OptionGroup var options: TokenizerOptions
  @Option(help: "A text a line.", completion: .file()) var file: String
  @Option(help: "Times to go through the file; each starts with an empty cache of words.") var rounds = 3
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if rounds < 1 { throw ValidationError("--rounds must be 1 or more") }
  }

  func run() throws {
    let texts = Array(try TextLines(path: file))
    let bytes = texts.reduce(0) { $0 + $1.utf8.count }
    var (seconds, cpuSeconds) = ([Double](), [Double]())
    var ids = 0
    for _ in 0..<rounds {
      let tokenizer = try options.load()
      let (start, cpuStart) = (ContinuousClock.now, clock())
      ids = texts.reduce(0) { $0 + tokenizer.encode($1).count }
      seconds.append((ContinuousClock.now - start) / .seconds(1))
      cpuSeconds.append(Double(clock() - cpuStart) / Double(CLOCKS_PER_SEC))
    }
    let best = seconds.min() ?? 0
    let fields: [(String, JSONText)] = [
      ("strings", .integer(texts.count)), ("bytes", .integer(bytes)), ("ids", .integer(ids)),
      ("seconds", .number(best)), ("cpu_seconds", .number(cpuSeconds.min() ?? 0)),
      ("strings_per_second", .number(Double(texts.count) / best)),
      ("megabytes_per_second", .number(Double(bytes) / best / 1e6)),
    ]
    printFields(fields, json: json)
  }
}
