import Basics
import Imaging
import Tokenization

/// What a loader streams, for which rank, and with how much work ahead.
package struct LoaderOptions: Sendable {
  package var order: GlobalOrder
  package var source: SampleSource
  package var encoder: any CaptionEncoder
  /// The views of each picture; the first is `Batch.images`.
  package var crops: [ImagePreparation]
  /// What the first steps see instead; nil where they see `crops`.
  package var warmup: Warmup?
  /// Whether captions are read; batches are without tokens where they are not.
  package var needsCaptions: Bool
  /// The most token ids of a caption.
  package var contextLength: Int
  package var rank: Int
  package var worldSize: Int
  /// Decode threads of this rank; 0 decodes within `next()`.
  package var threads: Int
  /// Batches that are decoded ahead; each needs memory for its images.
  package var prefetchBatches: Int
  /// A picture with more pixels is a bad sample.
  package var maxPixels: Int
  /// Whether pictures are turned upright by their EXIF orientation before anything is cut from them.
  package var appliesOrientation: Bool
  /// Whether a JPEG that is much larger than what is cut from it is shrunk while it is decoded: faster, and within
  /// 4/255 of the exact result in the mean.
  package var scalesJPEG: Bool

  /// Smaller views for the first steps.
  package struct Warmup: Sendable {
    package var steps: Int
    /// As many as there are otherwise, none larger.
    package var crops: [ImagePreparation]

    package init(steps: Int, crops: [ImagePreparation]) { (self.steps, self.crops) = (steps, crops) }
  }

  package init(
    order: GlobalOrder, source: SampleSource, encoder: any CaptionEncoder, crops: [ImagePreparation],
    warmup: Warmup? = nil, needsCaptions: Bool = true, contextLength: Int, rank: Int = 0, worldSize: Int = 1,
    threads: Int = 1,
    prefetchBatches: Int = 2,
    maxPixels: Int = ImageDecoder.defaultMaxPixels, appliesOrientation: Bool = true, scalesJPEG: Bool = false
  ) {
    precondition(order.fits(source.catalogue.sampleCounts), "order and source differ")
    precondition(!crops.isEmpty && contextLength > 0 && maxPixels > 0)
    if let warmup {
      precondition(warmup.crops.count == crops.count)
      precondition(zip(warmup.crops, crops).allSatisfy { $0.size <= $1.size })
    }
    precondition(!needsCaptions || source.catalogue.kind == .pairs, "captions of pictures that may have none")
    precondition((0..<worldSize).contains(rank) && threads >= 0 && prefetchBatches > 0)
    self.order = order
    self.source = source
    self.encoder = encoder
    self.crops = crops
    self.warmup = warmup
    self.needsCaptions = needsCaptions
    self.contextLength = contextLength
    self.rank = rank
    self.worldSize = worldSize
    self.threads = threads
    self.prefetchBatches = prefetchBatches
    self.maxPixels = maxPixels
    self.appliesOrientation = appliesOrientation
    self.scalesJPEG = scalesJPEG
  }

  /// The slots of the global batch that this rank takes.
  package var slots: Range<Int> { order.slots(rank: rank, of: worldSize) }

  var pictures: PictureReader {
    var pictures = PictureReader(maxPixels: maxPixels, largestSize: crops.map(\.size).max()!)
    pictures.appliesOrientation = appliesOrientation
    pictures.scalesJPEG = scalesJPEG
    return pictures
  }

  /// The views of a step's pictures.
  package func crops(step: Int) -> [ImagePreparation] {
    guard let warmup, step < warmup.steps else { return crops }
    return warmup.crops
  }

  func layout(_ crops: [ImagePreparation]) -> CropLayout {
    CropLayout(batchSize: slots.count, valueCounts: crops.map(\.valueCount))
  }
}
