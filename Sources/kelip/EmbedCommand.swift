import ArgumentParser
import Basics
import Evaluation
import Foundation

/// `kelip embed`: features of pictures and texts.
struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the features of pictures and texts as safetensors.",
    discussion:
      "The file holds image_features and text_features, [count, dimensions], not normalised unless asked.")

  @OptionGroup var modelOptions: ModelOptions
  @Option(parsing: .upToNextOption, help: "Picture files (JPEG, PNG).", completion: .file()) var images:
    [String] = []
  @Option(help: "A file with a text a line.", completion: .file()) var texts: String?
  @Option(parsing: .upToNextOption, help: "Shards of pairs: directory, glob or list.") var data: [String] = []
  @Option(help: "The safetensors file to write.", completion: .file()) var out: String
  @Flag(help: "Scale every feature to length 1.") var normalize = false

  func run() throws {
    guard data.isEmpty != (images.isEmpty && texts == nil) else {
      throw KelipError("give either --data, or --images and --texts")
    }
    let encoder = try modelOptions.encoder()
    let features = data.isEmpty ? try embedFiles(encoder) : try embedShards(encoder)
    try (normalize ? features.normalised() : features).write(to: URL(fileURLWithPath: out))
    print(
      "\(out): \(features.imageCount) image and \(features.textCount) text features of \(features.dimension) dimensions"
    )
  }

  private func embedFiles(_ encoder: any FeatureEncoder) throws -> Features {
    Features(
      images: try encoder.imageFeatures(files: images), texts: encoder.textFeatures(texts: try lines()),
      dimension: encoder.config.embedDim)
  }

  private func embedShards(_ encoder: any FeatureEncoder) throws -> Features {
    let threads = ProcessInfo.processInfo.activeProcessorCount
    let result = try PairEmbedding(encoder, shards: data, threads: threads).embed()
    reportSkipped(result.skipped)
    return result.features
  }

  /// Row i is line i: an empty line counts too.
  private func lines() throws -> [String] {
    guard let texts else { return [] }
    do {
      let text = try String(contentsOfFile: texts, encoding: .utf8)
      var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
      if lines.last == "" { lines.removeLast() }
      return lines
    } catch {
      throw KelipError("cannot read the texts: \(error.localizedDescription)", at: texts)
    }
  }
}
