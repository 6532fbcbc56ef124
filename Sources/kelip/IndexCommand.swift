import ArgumentParser
import Basics
import FeatureStore
import Foundation
import Search

/// `kelip index`: makes embedded pictures searchable.
struct Index: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make an index for kelip search out of a folder of kelip embed.",
    discussion: """
      Rows are scaled to length 1 and kept in bf16, a picture that several pairs show once: a million pictures of 512 \
      dimensions take 1 GB.
      """)

  @Argument(help: "The folder that kelip embed --data SHARDS --out FOLDER made.", completion: .directory)
  var features: String
  @Option(help: "The index's folder.") var out: String

  func run() throws {
    let folder = URL(fileURLWithPath: out)
    try IndexBuilder(try FeatureFolder(URL(fileURLWithPath: features))).write(to: folder)
    let index = try SearchIndex(folder)
    print(
      "\(out): \(index.count.digitGrouped) pictures of \(index.dimension) dimensions; "
        + "\(index.facts.repeatedCount.digitGrouped) rows showed one of them again")
  }
}
