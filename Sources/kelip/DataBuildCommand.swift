import ArgumentParser
import Basics
import DatasetBuilding

/// `kelip data build`: shards from pictures that are on this machine or one `apt-get install` away.
struct DataBuild: ParsableCommand {
  enum Source: String, CaseIterable, ExpressibleByArgument { case debian }

  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Build captioned picture shards from Debian packages.",
    discussion: """
      Writes DIR/train and DIR/validation with tars in img2dataset's layout. Pictures are Tux Paint's stamps \
      and Noto's colour emoji, each with an English and a Korean caption; the same seed gives the same bytes.
      """)

  @Option(help: "Where the pictures come from.")
  var source: Source = .debian

  @Option(name: .customLong("out"), help: "The folder that gets train/ and validation/.")
  var output: String

  @Option(help: "Decides the split and the order of the samples.")
  var seed: UInt64 = 0

  @Flag(help: "Run apt-get for missing packages (needs root).")
  var installMissing = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  func run() throws {
    let options = DebianPictures.Options(
      outputDirectory: output, seed: seed, installMissing: installMissing)
    let report = try DebianPictures.build(options)
    print(json ? try report.json() : report.description)
  }
}
