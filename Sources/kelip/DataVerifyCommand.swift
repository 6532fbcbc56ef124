import ArgumentParser
import Basics
import Curation
import Foundation
import MPICollectives
import ProgramEntry
import ShardStream

/// `kelip data verify`: whether shards are whole.
struct DataVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check shards: damage, groups that are no samples, and samples that training would replace.",
    discussion: """
      Walks every tar to its end, and holds indexes against what they index. With --decode it also decodes every picture and checks every caption as training \
      does. Under mpirun the shards are dealt to the ranks; the result is the same. \
      Exit status: 0 sound, 1 something is wrong with the data, 2 bad usage.
      """)

  @Argument(help: "Shards: directory, glob or list.") var shards: [String]
  @Flag(help: "Decode every picture and check every caption.") var decode = false
  @Option(help: "Write what is wrong to this file, a JSON object a line.", completion: .file())
  var quarantine: String?
  @Option(help: "With --decode: a picture of more pixels is bad.") var maxPixels = 25_000_000
  @Option(help: "With --decode: the size that training resizes a picture's shorter side to.")
  var imageSize = 224
  @Option(help: "Where the shards' indexes lie, if not beside them.") var indexDirectory: String?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if maxPixels < 1 { throw ValidationError("--max-pixels must be at least 1") }
    if imageSize < 1 { throw ValidationError("--image-size must be at least 1") }
  }

  func run() throws {
    Program.run { communicator in
      let urls = try communicator.agree { try ShardList.resolve(shards) }
      let file = try communicator.onLeader {
        try quarantine.map { try OutputFile(URL(fileURLWithPath: $0)) }
      }
      let result = try DataVerification.run(urls, options, communicator) { finding in
        try file??.write(Data((finding.line.text + "\n").utf8))
      }
      try communicator.agree { _ = try file??.finish() }
      if let result { print(json ? result.json.text : result.description) }
      return try communicator.max(result?.isSound == false ? 1 : 0) > 0 ? .checkFailed : .done
    }
  }

  private var options: DataVerification.Options {
    var options = DataVerification.Options()
    options.decodes = decode
    options.maxPixels = maxPixels
    options.imageSize = imageSize
    options.indexPlace = SidecarPlace(folder: indexDirectory)
    options.threads = MPICommunicator.isLaunchedByMPI ? 1 : ProcessInfo.processInfo.activeProcessorCount
    return options
  }
}
