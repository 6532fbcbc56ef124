import ArgumentParser
import Basics
import Charts
import Previews
import Foundation

/// `kelip mae`: what the stage of masked autoencoding has learned.
struct MAECommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mae", abstract: "Look at masked autoencoders.", subcommands: [MAEPicture.self])
}

struct MAEPicture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "picture",
    abstract: "Draw pictures as they are, as the tower sees them and as the decoder completes them.",
    discussion: """
      With the target normalised_pixels a patch's mean and deviation are the true ones, as in He et al.'s figures: \
      the decoder does not predict them.
      """)

  @Option(help: "A checkpoint's directory, of the stage mae.", completion: .directory) var checkpoint: String
  @Option(help: "The run's configuration; RUN/config.yaml where not given.", completion: .file())
  var config: String?
  @Option(parsing: .upToNextOption, help: "Picture files.", completion: .file()) var images: [String] = []
  @Option(parsing: .upToNextOption, help: "Shards of pairs: directory, glob or list.") var data: [String] = []
  @Option(help: "Pictures taken of the shards.") var count = 16
  @Option(help: "Decides what is masked.") var seed: UInt64 = 0
  @Option(help: "The pictures' font; NanumGothic where it is installed.", completion: .file())
  var font: String?
  @Option(help: "The PNG to write.", completion: .file()) var out: String

  func validate() throws {
    if images.isEmpty == data.isEmpty { throw ValidationError("give either --images or --data") }
    if count < 1 { throw ValidationError("--count must be at least 1") }
  }

  func run() throws {
    let face = try ChartFont.open(font)
    let reconstructor = try Reconstructor(checkpoint: checkpoint, config: config)
    let threads = ProcessInfo.processInfo.activeProcessorCount
    let pictures =
      try images.isEmpty
      ? reconstructor.pictures(shards: data, count: count, threads: threads)
      : reconstructor.pictures(files: images)
    guard !pictures.isEmpty else { throw KelipError("no picture could be decoded", at: data.first) }
    try reconstructor.sheet(pictures, title: checkpoint, seed: seed).draw(font: face)
      .writePNG(to: URL(fileURLWithPath: out))
    print("\(out): \(pictures.count) pictures")
  }
}
