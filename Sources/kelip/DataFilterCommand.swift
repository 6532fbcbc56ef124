import ArgumentParser
import Basics
import Collectives
import Curation
import Evaluation
import Foundation
import Kernels
import ProgramEntry
import ShardStream
import Tokenization
import Training

/// `kelip data filter`: new shards of the samples that rules leave; also under mpirun.
struct DataFilter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filter",
    abstract: "Clean captions, drop what rules refuse, and write the rest as new shards.",
    discussion: """
      Run it under mpirun for several ranks: the result is the same for any number. When it was stopped, the same \
      command goes on where it was. DIR gets the shards, report.txt, report.json and report.png.
      """)

  @Option(help: "The rules, a YAML file; see configs/data/filter.yaml.", completion: .file()) var rules:
    String
  @Option(parsing: .upToNextOption, help: "Shards: directories, globs, ranges or files.") var shards: [String]
  @Option(
    name: .customLong("out"), help: "The folder of the result; new, or of the same command.",
    completion: .directory)
  var output: String
  @Option(help: "Samples in each new shard but the last.") var samplesPerShard = 10_000
  @Flag(help: "Compress the shards (.tar.zst).") var zstd = false
  @Option(help: "The font of report.png.", completion: .file())
  var font = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
  @Flag(help: "Print the report as JSON.") var json = false

  func validate() throws {
    guard (1...10_000_000).contains(samplesPerShard) else {
      throw ValidationError("--samples-per-shard must be from 1 to 10000000")
    }
  }

  func run() throws {
    Program.run { communicator in
      let report = try filter(communicator)
      if communicator.isLeader {
        print(json ? String(decoding: try report.json(), as: UTF8.self) : report.description)
      }
      return .done
    }
  }

  private func filter(_ communicator: any Communicator) throws -> FilterReport {
    let (rules, urls) = try communicator.agree {
      (try FilterRules(contentsOf: self.rules), try ShardList.resolve(shards))
    }
    var options = FilterOptions(
      shards: urls, output: URL(fileURLWithPath: output), samplesPerShard: samplesPerShard,
      threads: communicator.decodeThreads, font: font,
      didWrite: communicator.isLeader ? Self.tell : { _ in })
    options.isCompressed = zstd
    let countTokens = try communicator.agree { try tokenCounter(rules) }
    let scorer = try communicator.agree { try rules.model.map { try self.scorer($0) } }
    return try FilterRun(
      rules, options, countTokens: countTokens, scorer: scorer, communicator: communicator
    ).run()
  }

  private func tokenCounter(_ rules: FilterRules) throws -> (@Sendable (String) -> Int)? {
    guard let path = rules.tokenizer else { return nil }
    let tokenizer = try Tokenizers.load(path)
    return { tokenizer.encode($0).count }
  }

  private func scorer(_ model: FilterRules.ModelChoice) throws -> any PairScorer {
    guard let precision = Precision(rawValue: model.precision) else {
      throw KelipError(
        "unknown precision \"\(model.precision)\"", at: "\(rules): model.precision", hint: "fp32 or bf16")
    }
    let files = ModelFiles(config: model.config, weights: model.weights, tokenizer: model.tokenizer)
    return EncoderScorer(try files.encoder(precision))
  }

  /// Progress of the leader's part, for people who watch.
  private static func tell(_ file: String) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data("\r\u{1B}[Kwritten: \(file)".utf8))
  }
}

/// The cosine of the features that a model gives.
final class EncoderScorer: PairScorer {
  private let encoder: any FeatureEncoder

  init(_ encoder: any FeatureEncoder) { self.encoder = encoder }

  var preparation: ImagePreparation { ImagePreparation(size: encoder.config.vision.imageSize) }

  func similarities(pixels: [Float], captions: [String]) throws -> [Float] {
    guard !captions.isEmpty else { return [] }
    let features = Features(
      images: encoder.imageFeatures(pixels, count: captions.count), texts: encoder.textFeatures(captions),
      dimension: encoder.config.embedDim
    ).normalised()
    return captions.indices.map { row in
      let range = row * features.dimension..<(row + 1) * features.dimension
      return zip(features.images[range], features.texts[range]).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }
}
