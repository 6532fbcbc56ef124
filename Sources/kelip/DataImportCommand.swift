import ArgumentParser
import Basics
import Collectives
import Curation
import Foundation
import ProgramEntry
import ShardStream

/// `kelip data import`: shards of pictures and captions that lie elsewhere; also under mpirun.
struct DataImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make shards of a folder of pictures, a table, or tars of another layout.",
    discussion: """
      --from is a folder (pictures with .txt files beside them, or a captions.tsv, captions.csv or metadata.csv in \
      each folder), a .csv or .tsv file with a head, or tars. Pictures go over byte for byte. What makes no sample is \
      counted, and listed in skipped.jsonl. When it was stopped, the same command goes on where it was.
      """)

  @Option(parsing: .upToNextOption, help: "A folder, a table, or tars.", completion: .file()) var from:
    [String]
  @Option(
    name: .customLong("out"), help: "The folder of the result; new, or of the same command.",
    completion: .directory)
  var output: String
  @Option(help: "A table's column with the picture's path, relative to the table.") var imageColumn: String?
  @Option(help: "A table's column with the caption.") var captionColumn: String?
  @Option(help: "A table's column with the language (ko, en).") var languageColumn: String?
  @Flag(help: "A table's quotes are characters like any others.") var noQuotes = false
  @Option(help: "Tars: the picture's extension.") var imageExtension: String?
  @Option(help: "Tars: the caption's extension.") var captionExtension = "txt"
  @Option(help: "Tars: the key of the caption in the .json member.") var captionKey: String?
  @Option(help: "Resize pictures whose longer side is longer than this, and encode them as JPEG.")
  var maxSide: Int?
  @Flag(help: "Allow paths that lead out of the folder.") var allowOutside = false
  @Option(help: "Rows a shard.") var samplesPerShard = 10_000
  @Flag(help: "Compress the shards (.tar.zst).") var zstd = false
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard (1...10_000_000).contains(samplesPerShard) else {
      throw ValidationError("--samples-per-shard must be from 1 to 10000000")
    }
    if let maxSide, !(16...65_535).contains(maxSide) {
      throw ValidationError("--max-side must be from 16 to 65535")
    }
  }

  func run() throws {
    Program.run { communicator in
      var options = ImportOptions(
        try communicator.agree { try origin() }, output: URL(fileURLWithPath: output))
      options.columns = TableColumns(
        image: imageColumn, caption: captionColumn, language: languageColumn, ignoresQuotes: noQuotes)
      options.members = MemberNames(image: imageExtension, caption: captionExtension, captionKey: captionKey)
      options.maxSide = maxSide
      options.allowsOutside = allowOutside
      options.samplesPerShard = samplesPerShard
      options.isCompressed = zstd
      let report = try ImportRun(options, communicator: communicator).run()
      if communicator.isLeader { show(report) }
      return .done
    }
  }

  private func show(_ report: ImportReport) {
    guard json else { return print(report) }
    let skipped = report.skipped.sorted { $0.key < $1.key }.map { ($0.key, JSONText.integer($0.value)) }
    print(
      JSONText.object([
        ("rows", .integer(report.rows)), ("samples", .integer(report.samples)),
        ("shards", .integer(report.shards)), ("skipped", .object(skipped)),
      ]).text)
  }

  private func origin() throws -> ImportOptions.Origin {
    guard from.count == 1 else { return .shards(try ShardList.resolve(from)) }
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: from[0], isDirectory: &isFolder)
    let url = URL(fileURLWithPath: from[0])
    if exists, isFolder.boolValue {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: from[0])) ?? []
      let hasShards = names.contains { $0.hasSuffix(".tar") || $0.hasSuffix(".tar.zst") }
      return hasShards ? .shards(try ShardList.resolve(from)) : .folder(url)
    }
    guard ["csv", "tsv"].contains(url.pathExtension.lowercased()) else {
      return .shards(try ShardList.resolve(from))
    }
    guard exists else { throw KelipError("no such table", at: from[0]) }
    return .table(url)
  }
}
