import ArgumentParser
import Basics
import Benchmarks
import Foundation
import Imaging
import ShardStream
import Tokenization
import Training

extension AugmentationSettings.Kind: ExpressibleByArgument {}

/// `kelip bench data`: the stream alone.
struct BenchData: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Images per second of the stream alone: read, decode, crop, resize, normalise, tokenise.")

  @Option(help: "Directory, glob or list of shards.") var shards: [String]
  @Option(help: "Tokenizer file.") var tokenizer: String
  @Option(help: "Side of the square that the model sees.") var size: Int = 224
  @Option(help: "none (resize and centre crop), random_resized_crop, weak or strong.")
  var augmentation: AugmentationSettings.Kind = .randomResizedCrop
  @Option(help: "Least fraction of the area that a random crop keeps; the augmentation's own unless told.")
  var cropScale: Double?
  @Option(help: "Crops of each picture.") var crops: Int = 1
  @Option(help: "Decode threads; 0 decodes in the main thread.") var threads: Int = 1
  @Option(help: "Images a batch.") var batch: Int = 32
  @Option(help: "Images in all, over as many epochs as it takes.") var samples: Int = 2_000
  @Option(help: "Token ids of a caption at most.") var contextLength: Int = 77
  @Option(help: "Whether large JPEGs are shrunk while they are decoded (true or false).")
  var scaledDecode: Bool = true
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard size > 0, batch > 0, samples > 0, crops > 0, threads >= 0, contextLength > 1 else {
      throw ValidationError("sizes and counts must be positive")
    }
    guard (cropScale ?? 1) > 0, (cropScale ?? 1) <= 1 else {
      throw ValidationError("--crop-scale is a fraction")
    }
  }

  func run() throws {
    let catalogue = try ShardCatalogue.load(try ShardList.resolve(shards))
    let order = try GlobalOrder(
      seed: 0, shardSampleCounts: catalogue.sampleCounts, globalBatchSize: batch,
      canonicalStreams: GlobalOrder.defaultStreams(batch), shuffleWindow: 16_384)
    var settings = AugmentationSettings.preset(augmentation)
    if let cropScale { settings.scale = cropScale...1 }
    let options = LoaderOptions(
      order: order, source: SampleSource(catalogue: catalogue),
      encoder: try Tokenizers.load(tokenizer),
      crops: Array(repeating: settings.preparation(size: size), count: crops), contextLength: contextLength,
      threads: threads, scalesJPEG: scaledDecode)
    report(try DataBenchmark(options).run(imageCount: samples))
  }

  private func report(_ result: DataBenchmark.Result) {
    let memory = result.residentBytes
    // The first tenth fills caches and buffers; from there on memory ought to be flat.
    let growth = memory[memory.count - 1] - memory[min(memory.count - 1, memory.count / 10)]
    printFields(
      [
        ("images", .integer(result.imageCount)), ("threads", .integer(threads)),
        ("images_per_second", .number(result.imagesPerSecond)), ("seconds", .number(result.seconds)),
        ("processor_ms_per_image", .number(result.processorMillisecondsPerImage)),
        ("wait_seconds", .number(result.waitSeconds)), ("tokens", .integer(result.tokenCount)),
        ("skipped_samples", .integer(result.skippedCount)),
        ("peak_resident_bytes", .integer(peakResidentBytes())),
        ("resident_growth_bytes", .integer(growth)),
        ("resident_bytes", .array(memory.map(JSONText.integer))),
      ], json: json)
  }
}
