import ArgumentParser
import Basics
import Collectives
import Evaluation
import Foundation
import Imaging
import ProgramEntry
import ShardStream
import Studies

/// `kelip eval`: what a trained model is worth.
struct Eval: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluate a trained model.",
    subcommands: [
      EvalRetrieval.self, EvalZeroShot.self, EvalCrossLingual.self, EvalCulture.self, EvalAnalogy.self,
    ])
}

/// `kelip eval retrieval`: recall at 1, 5 and 10 in both directions.
struct EvalRetrieval: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retrieval",
    abstract: "Find the picture of each caption among all, and the caption of each picture.",
    discussion: """
      Either --features F (row i of the images belongs to row i of the texts), or a model and one of --data, \
      --karpathy and --flickr30k; under mpirun the ranks share the work. A match's rank counts the better scores, and \
      equal ones with a smaller index.
      """)

  @Option(help: "Features written by kelip embed.", completion: .file()) var features: String?
  @OptionGroup var modelOptions: ModelOptions
  @Option(parsing: .upToNextOption, help: "Shards of pairs, a set each: directory, glob or list.")
  var data: [String] = []
  @Option(
    help: "COCO's or Flickr30k's captions as Karpathy has them: dataset_coco.json.", completion: .file())
  var karpathy: String?
  @Option(help: "Flickr30k's table: flickr_annotations_30k.csv or results.csv.", completion: .file())
  var flickr30k: String?
  @Option(help: "The folder of their pictures.", completion: .directory) var pictures: String?
  @Option(help: "Their split.") var split = "test"
  @Option(parsing: .upToNextOption, help: "Languages, as in the samples' metadata.") var languages = [
    "ko", "en",
  ]
  @Option(help: "The first so many pairs of each set and language.") var pairs: Int?
  @Option(help: "Write a picture of ten queries a language with their top five images, one a set.")
  var sheet: String?
  @Option(help: "The font of that picture.", completion: .file())
  var font = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if let pairs, pairs < 1 { throw ValidationError("--pairs must be at least 1") }
    let sources = [features != nil, !data.isEmpty, karpathy != nil, flickr30k != nil].count { $0 }
    guard sources == 1 else {
      throw ValidationError("give one of --features, --data, --karpathy and --flickr30k")
    }
    guard (pictures != nil) == (karpathy != nil || flickr30k != nil) else {
      throw ValidationError("--pictures goes with --karpathy and --flickr30k")
    }
  }

  func run() throws {
    Program.run { communicator in
      if let features {
        let read = try communicator.agree { try Features(contentsOf: URL(fileURLWithPath: features)) }
        let report = try read.normalised().retrieval(communicator)
        if communicator.isLeader { try show([("features", "", report)]) }
      } else if data.isEmpty {
        try evaluateFiles(communicator)
      } else {
        try evaluateShards(communicator)
      }
      return .done
    }
  }

  private func evaluateFiles(_ communicator: any Communicator) throws {
    let (encoder, entries) = try communicator.agree { (try modelOptions.encoder(), try captionedPictures()) }
    let found = try CaptionedRetrieval(encoder, entries, threads: communicator.decodeThreads, communicator)
    guard communicator.isLeader else { return }
    if let first = found.skipped.first {
      let what = "pictures that cannot be read"
      tellLeftOut([what: found.skipped.count], examples: [what: first])
    }
    try show([(karpathy ?? flickr30k!, "", found.report)])
  }

  private func captionedPictures() throws -> CaptionedPictures {
    if let karpathy { return try CaptionedPictures(karpathy: karpathy, folder: pictures!, split: split) }
    return try CaptionedPictures(flickr30k: flickr30k!, folder: pictures!, split: split)
  }

  private func evaluateShards(_ communicator: any Communicator) throws {
    let encoder = try communicator.agree { try modelOptions.encoder() }
    var rows: [Row] = []
    for set in data {
      let embedding = try communicator.agree {
        try PairEmbedding(encoder, shards: [set], threads: communicator.decodeThreads)
      }
      let ofSet = try languages.map {
        try RetrievalEvaluation(embedding, set: set, language: $0, pairs: pairs, communicator)
      }
      ofSet.forEach { tellLeftOut($0.embedded.skipped) }
      if let sheet, communicator.isLeader { try write(sheetPath(sheet, of: set), ofSet, embedding.samples) }
      rows += ofSet.map { ($0.set, $0.language, $0.report) }
    }
    if communicator.isLeader { try show(rows) }
  }

  private typealias Row = (set: String, language: String, report: RetrievalReport)

  private func show(_ rows: [Row]) throws {
    guard json else { return printTable(rows) }
    for (set, language, report) in rows {
      guard features == nil else { return print(try Self.text(report)) }
      let names =
        [("set", JSONText.string(set))] + (language.isEmpty ? [] : [("language", .string(language))])
      print("\(JSONText.object(names).text.dropLast()), \(try Self.text(report).dropFirst())")
    }
  }

  /// Of several sets each has a picture of its own: retrieval.png becomes retrieval-train.png.
  private func sheetPath(_ path: String, of set: String) -> String {
    guard data.count > 1 else { return path }
    let (url, name) = (URL(fileURLWithPath: path), URL(fileURLWithPath: set).lastPathComponent)
    let stem = url.deletingPathExtension().lastPathComponent
    return url.deletingLastPathComponent().appendingPathComponent("\(stem)-\(name).\(url.pathExtension)").path
  }

  private func write(_ path: String, _ evaluations: [RetrievalEvaluation], _ samples: EvaluationSamples)
    throws
  {
    let sheet = ContactSheet(font: try FontFace(path: font))
    try sheet.write(evaluations.flatMap { $0.queries(10) }, to: URL(fileURLWithPath: path)) {
      try samples.picture($0)
    }
  }

  private static func text(_ report: RetrievalReport) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }

  private func printTable(_ rows: [Row]) {
    print("                                          text → image          image → text")
    print("set                        lang  pairs   R@1   R@5  R@10     R@1   R@5  R@10   chance R@1")
    for (set, language, report) in rows {
      let values = [report.textToImage, report.imageToText].flatMap {
        [$0.recallAt1, $0.recallAt5, $0.recallAt10]
      }
      let shown = values.map { String(format: "%5.1f", 100 * $0) }
      let name = set.count > 26 ? "…" + set.suffix(25) : set
      print(
        name.padding(toLength: 27, withPad: " ", startingAt: 0)
          + language.padding(toLength: 5, withPad: " ", startingAt: 0) + String(format: "%6d ", report.count)
          + shown[..<3].joined(separator: " ") + "   " + shown[3...].joined(separator: " ")
          + String(format: "   %8.2f %%", 100 * report.chanceRecallAt1))
    }
  }
}
