import Basics
import Foundation
import Imaging
import ShardStream
import Tokenization

/// Everything that a run needs, made small, in a folder that goes with it.
package final class TinyRun: Sendable {
  package static let globalBatchSize = 6
  package let folder: URL

  /// - Parameter sampleCount: pairs, spread over three shards.
  package init(sampleCount: Int = 23) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("kelip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("train"), withIntermediateDirectories: true)
    let captions = (0..<sampleCount).map(Self.caption)
    for shard in 0..<3 {
      let members = (0..<sampleCount).filter { $0 % 3 == shard }
      try writeShard(path("train/\(shard).tar"), members, captions)
    }
    let tokenizer = try BytePairTrainer(vocabSize: 300).train(on: captions)
    try tokenizer.json().write(to: URL(fileURLWithPath: tokenizerPath))
    try Data(Self.model.utf8).write(to: URL(fileURLWithPath: modelPath))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  package func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
  package func url(_ name: String) -> URL { folder.appendingPathComponent(name) }
  package var modelPath: String { path("model.yaml") }
  package var tokenizerPath: String { path("tokenizer.json") }

  package static let model = """
    embed_dim: 24
    quick_gelu: true
    vision_cfg: {image_size: 16, patch_size: 8, width: 32, layers: 2, head_width: 16}
    text_cfg: {context_length: 12, vocab_size: 300, width: 24, heads: 2, layers: 2}
    """

  /// A run's configuration as a file of its own; its run directory is `name` beside the shards.
  package func writeConfig(_ name: String) throws -> String {
    let file = path("\(name).yaml")
    try Data(config(runDirectory: path(name)).utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  package func config(runDirectory: String) -> String {
    """
    run: {directory: "\(runDirectory)", seed: 3}
    model: {config: "\(modelPath)"}
    data:
      train: "\(path("train"))"
      tokenizer: "\(tokenizerPath)"
      global_batch_size: \(Self.globalBatchSize)
      shuffle_window: 4
    optimizer: {steps: 8, lr: 1e-03, warmup: 2, grad_clip_norm: 1}
    log: {sample_keys: true}
    """
  }

  package static func caption(_ number: Int) -> String { "caption \(number) 그림 \(number * number)" }

  /// Its colour tells its number, and every pixel its place.
  package static func picture(_ number: Int) -> RGBImage {
    var image = RGBImage(width: 20 + number % 5, height: 18 + number % 7)
    for y in 0..<image.height {
      for x in 0..<image.width {
        image[x, y] = RGBColour(red: UInt8(41 * number % 256), green: UInt8(10 * x), blue: UInt8(9 * y))
      }
    }
    return image
  }

  private func writeShard(_ path: String, _ members: [Int], _ captions: [String]) throws {
    let tar = try TarWriter(path: path)
    for number in members {
      try tar.append(name: "k\(number).png", bytes: PNGCodec.encode(Self.picture(number)))
      try tar.append(name: "k\(number).txt", bytes: Array(captions[number].utf8))
    }
    try tar.finish()
  }
}
