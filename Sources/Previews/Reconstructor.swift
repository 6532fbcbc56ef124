import Basics
import Charts
import Configuration
import Evaluation
import Foundation
import Imaging
import Kernels
import ShardStream
import Towers
import Training

/// A trained masked autoencoder, for a look at what it makes of pictures.
package final class Reconstructor {
  private let model: MaskedAutoencoder<Float>
  private let arena: Arena
  private let normalization = Normalization.clip
  private let preparation: ImagePreparation

  /// - Parameters:
  ///   - checkpoint: the directory of a checkpoint of the mae stage.
  ///   - config: the run's configuration; nil for the one in the checkpoint's run directory.
  package init(checkpoint: String, config: String? = nil) throws {
    let folder = URL(fileURLWithPath: checkpoint)
    let sizes = try ModelFile.load(folder.appendingPathComponent("model.json").path)
    let mae = try Self.settings(config ?? Self.config(ofRunWith: folder)).model(for: sizes)
    model = try MaskedAutoencoder(sizes, mae, normalization: normalization, training: false)
    let heads = folder.appendingPathComponent(RunCheckpoint.headsName)
    guard FileManager.default.fileExists(atPath: heads.path) else {
      throw KelipError(
        "this checkpoint has no decoder", at: folder.path, hint: "take one of the stage mae")
    }
    try WeightFile.load(
      folder.appendingPathComponent("model.safetensors"),
      into: model.parameters.declared.filter { !$0.isHead })
    try WeightFile.load(heads, into: model.parameters.declared.filter(\.isHead))
    model.refresh(training: false)
    arena = try Arena()
    preparation = ImagePreparation(size: sizes.vision.imageSize, normalization: normalization)
  }

  /// RUN/checkpoints/step-… → RUN/config.yaml.
  private static func config(ofRunWith checkpoint: URL) -> String {
    checkpoint.standardizedFileURL.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("config.yaml").path
  }

  private static func settings(_ path: String) throws -> MAESettings {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw KelipError(
        "cannot read the run's configuration: \(error.localizedDescription)", at: path,
        hint: "name it with --config")
    }
    return try MAESettings(ConfigReader(yaml: text, source: path), globalBatchSize: 1)
  }

  /// Pictures to reconstruct: 3 × S × S normalised values each.
  package struct Picture {
    package var name: String
    package var pixels: [Float]
  }

  /// Picture files; one that cannot be read or decoded is an error.
  package func pictures(files: [String]) throws -> [Picture] {
    try files.map { path in
      Picture(name: (path as NSString).lastPathComponent, pixels: try PictureFile.pixels(path, preparation))
    }
  }

  /// An even choice of `count` pictures of shards.
  package func pictures(shards: [String], count: Int, threads: Int) throws -> [Picture] {
    let catalogue = try ShardCatalogue.load(
      try ShardList.resolve(shards), of: .pictures, threads: threads)
    let samples = EvaluationSamples(
      source: SampleSource(catalogue: catalogue), batchSize: count, preparation: preparation,
      threads: threads)
    let total = samples.order.sampleCount
    let batch = try samples.samples((0..<min(count, total)).map { $0 * total / min(count, total) })
    let size = preparation.valueCount
    return batch.keys.indices.map { i in
      Picture(
        name: batch.captions[i].isEmpty ? batch.keys[i] : batch.captions[i],
        pixels: Array(batch.images[i * size..<(i + 1) * size]))
    }
  }

  /// Each picture as it is, as the tower sees it, and as the decoder completes it.
  ///
  /// - Parameter seed: decides what is masked.
  package func sheet(_ pictures: [Picture], title: String, seed: UInt64) -> SampleSheet {
    let sampling = PatchSampling(seed: seed, for: .maskedAutoencoding)
    let tiles = pictures.enumerated().flatMap { index, picture in
      let kept = sampling.kept(
        step: 0, slots: index..<index + 1, of: model.patchCount, keep: model.keptCount)
      var images = picture.pixels.withUnsafeBufferPointer {
        ImageBatch($0.baseAddress!, count: 1, size: preparation.size)
      }
      images.keptPatches = KeptPatches(indices: kept, perImage: model.keptCount)
      let result = withExtendedLifetime(picture.pixels) { model.reconstruct(images, arena: arena) }
      return [
        SampleSheet.Tile(picture: image(picture.pixels), caption: picture.name, note: "original"),
        SampleSheet.Tile(picture: image(result.masked), caption: "", note: "seen"),
        SampleSheet.Tile(picture: image(result.reconstructed), caption: "", note: "reconstructed"),
      ]
    }
    let note = "\(model.keptCount) of \(model.patchCount) patches seen"
    return SampleSheet(
      title: title, groups: [.init(title: "Reconstruction", note: note, tiles: tiles)], columns: 6)
  }

  private func image(_ pixels: [Float]) -> RGBImage {
    let (side, plane) = (preparation.size, preparation.size * preparation.size)
    return RGBImage(
      width: side, height: side,
      pixels: (0..<3 * plane).map { i in
        let (place, channel) = i.quotientAndRemainder(dividingBy: 3)
        let value = pixels[channel * plane + place] * normalization.std[channel] + normalization.mean[channel]
        return UInt8(min(max(value * 255, 0), 255).rounded())
      })
  }
}
