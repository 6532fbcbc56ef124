import ArgumentParser
import Basics
import Collectives
import Evaluation
import FeatureStore
import Foundation
import Kernels
import ProgramEntry
import ShardStream

/// `kelip embed`: features of pictures and texts.
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the features of pictures and texts; under mpirun, too.",
    discussion: """
      --out NAME.safetensors or NAME.npy writes one file, and NAME-pairs.jsonl (-pictures, -texts) with whose rows they \
      are; another --out is a folder of parts, for large sets and for kelip index. Killed, the same command goes on where \
      it stopped.
      """)

  @OptionGroup var modelOptions: ModelOptions
  @Option(
    parsing: .upToNextOption, help: "Picture files (JPEG, PNG, WebP); each must be good.", completion: .file()
  )
  var images: [String] = []
  @Option(help: "A folder of pictures; those that cannot be read are left out.", completion: .directory)
  var pictures: String?
  @Option(help: "A file with a text a line.", completion: .file()) var texts: String?
  @Option(parsing: .upToNextOption, help: "Shards of pairs: directory, glob or list.") var data: [String] = []
  @Flag(help: "Of --data the pictures alone, as kelip index needs them; captions get no features.")
  var picturesOnly = false
  @Option(help: "The metadata's key that is the same for the same picture.") var pictureKey = "picture"
  @Option(help: "NAME.safetensors, NAME.npy, or a folder.") var out: String
  @Option(help: "What features are stored as, fp32 or bf16.") var features: Precision = .fp32
  @Flag(help: "Scale every feature to length 1.") var normalize = false

  func validate() throws {
    let hasFiles = !images.isEmpty || pictures != nil || texts != nil
    guard data.isEmpty == hasFiles else {
      throw ValidationError("give either --data, or --images or --pictures and --texts")
    }
    guard !picturesOnly || !data.isEmpty else { throw ValidationError("--pictures-only goes with --data") }
    guard images.isEmpty || pictures == nil else { throw ValidationError("give --images or --pictures") }
    guard features == .fp32 || !out.hasSuffix(".npy") else {
      throw ValidationError("numpy has no bf16: give --features fp32, or --out NAME.safetensors")
    }
  }

  func run() throws {
    Program.run { communicator in
      let encoder = try communicator.agree { try modelOptions.encoder() }
      let (sources, shards) = try self.sources(encoder, communicator)
      let plan = try communicator.shareLeaders {
        FeaturePlan(
          sources: sources, weights: try modelOptions.weightsDigest(), dimension: encoder.config.embedDim,
          precision: modelOptions.precision, features: features, isNormalised: normalize, shards: shards)
      }
      let place = URL(fileURLWithPath: isFile ? "\(out).parts" : out)
      let leftOut = try FeatureRun(encoder, sources, plan, into: place).run(communicator) {
        if communicator.isLeader { tellProgress($0, $1) }
      }
      _ = try communicator.onLeader {
        tellLeftOut(leftOut)
        try finish(try FeatureFolder(place))
      }
      return .done
    }
  }

  private var isFile: Bool { out.hasSuffix(".safetensors") || out.hasSuffix(".npy") }

  private func sources(
    _ encoder: any FeatureEncoder, _ communicator: any Communicator
  ) throws -> ([any FeatureSource], shards: [String]) {
    let (size, threads) = (encoder.config.vision.imageSize, communicator.decodeThreads)
    guard data.isEmpty else {
      let urls = try communicator.agree { try ShardList.resolve(data) }
      let catalogue = try ShardCatalogue.load(urls, communicator: communicator, threads: threads)
      let source = ShardSource(
        catalogue, imageSize: size, pictureKey: pictureKey, picturesOnly: picturesOnly, threads: threads)
      return ([source], urls.map(\.path))
    }
    return try communicator.agree {
      var sources: [any FeatureSource] = []
      let paths = try pictures.map(PictureFile.files(below:)) ?? images
      if !paths.isEmpty {
        let absolute = paths.map { URL(fileURLWithPath: $0).path }
        sources.append(
          PictureSource(absolute, imageSize: size, leavesOut: pictures != nil, threads: threads))
      }
      if let texts { sources.append(TextSource(try TextLines(path: texts).map { $0 })) }
      return (sources, [])
    }
  }

  private func tellProgress(_ done: Int, _ all: Int) {
    FileHandle.standardError.write(Data("part \(done) of \(all)\n".utf8))
  }

  private func finish(_ folder: FeatureFolder) throws {
    guard isFile else {
      let count = folder.plan.sources.map { "\($0.count.digitGrouped) \($0.kind.rawValue)" }
      return print(
        "\(out): features of \(count.joined(separator: ", ")), \(folder.plan.dimension) dimensions")
    }
    let written = try FeatureExport(folder).write(to: URL(fileURLWithPath: out))
    try folder.remove()
    print(
      "\(written.paths.joined(separator: ", ")): \(written.rows[FeaturePart.images]!) image and "
        + "\(written.rows[FeaturePart.texts]!) text features of \(folder.plan.dimension) dimensions")
  }
}
