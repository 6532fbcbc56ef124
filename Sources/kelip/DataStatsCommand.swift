import ArgumentParser
import Basics
import Charts
import Curation
import Foundation
import Imaging
import MPICollectives
import ProgramEntry
import ShardStream
import Tokenization

/// `kelip data stats`: what a set of shards holds.
struct DataStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Describe shards: languages, formats, sizes, caption lengths, repeated captions.",
    discussion: """
      Reads every caption and the header of every picture, and decodes none. With --out, DIR gets stats.json, \
      stats.png (distributions) and samples.png (an even sample of each language). Under mpirun the shards are \
      dealt to the ranks; the result is the same.
      """)

  @Argument(help: "Shards: directory, glob or list.") var shards: [String]
  @Option(help: "Also count tokens, with this tokenizer.", completion: .file()) var tokenizer: String?
  @Option(help: "Tokens that the model takes of a caption.") var contextLength = 77
  @Option(name: .customLong("out"), help: "The folder that gets the files.") var output: String?
  @Option(help: "Pictures of each language on the sheet of samples.") var samples = 24
  @Option(help: "Decides which samples are shown.") var seed: UInt64 = 0
  @Option(help: "The pictures' font; NanumGothic where it is installed.", completion: .file())
  var font: String?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if contextLength < 2 { throw ValidationError("--context-length must be at least 2") }
    if samples < 1 { throw ValidationError("--samples must be at least 1") }
  }

  func run() throws {
    Program.run { communicator in
      let (urls, options) = try communicator.agree { try (ShardList.resolve(shards), self.options()) }
      guard let statistics = try DataStatistics.gather(urls, options, communicator) else { return .done }
      let report = StatsReport(statistics, contextLength: tokenizer == nil ? nil : contextLength)
      if let output { try write(report, urls, to: URL(fileURLWithPath: output)) }
      print(json ? report.json.text : report.description)
      return .done
    }
  }

  private func options() throws -> DataStatistics.Options {
    if let output {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
      _ = try ChartFont.open(font)
    }
    var options = DataStatistics.Options()
    options.tokenizer = try tokenizer.map { try Tokenizers.load($0) }
    options.seed = seed
    options.samplesPerLanguage = samples
    options.threads = MPICommunicator.isLaunchedByMPI ? 1 : ProcessInfo.processInfo.activeProcessorCount
    return options
  }

  private func write(_ report: StatsReport, _ urls: [URL], to folder: URL) throws {
    let title = shards.joined(separator: " ")
    let face = try ChartFont.open(font)
    try AtomicFile.write(
      Data((report.json.text + "\n").utf8), to: folder.appendingPathComponent("stats.json"))
    try report.chart(title: title).draw(font: face).writePNG(to: folder.appendingPathComponent("stats.png"))
    try report.samples(title: title, shards: urls).draw(font: face)
      .writePNG(to: folder.appendingPathComponent("samples.png"))
  }
}
