import Captions

/// One rank's part of a global batch. B is the number of its samples here.
///
/// The images lie in a buffer of the loader's: call `release()` when they are no longer needed.
package final class Batch: @unchecked Sendable {
  // Unchecked: a batch is handed from the decode threads to its one user.

  /// The number of steps before this one, over all epochs.
  package let step: Int
  /// Of the batch's first samples, see `GlobalOrder.epoch(step:)`.
  package let epoch: Int
  /// Token ids of the captions laid end to end; none where the loader reads no captions.
  package let tokens: [Int32]
  /// B + 1 places in `tokens`: caption i is `offsets[i]..<offsets[i + 1]`.
  package let offsets: [Int32]
  /// Of the captions.
  package let languages: [CaptionLanguage]
  /// The keys of the samples that are in the batch, replacements included.
  package let keys: [String]
  /// The bad samples that replacements stand for, in the order of the slots.
  package let skipped: [SkippedSample]
  /// Seconds that `next()` waited for this batch.
  package let waitSeconds: Double

  private let layout: CropLayout
  private let pool: PixelBufferPool
  private var buffer: PixelBuffer?

  init(_ pending: PendingBatch, slots: [DecodedSlot], waitSeconds: Double) {
    step = pending.step
    epoch = pending.epoch
    tokens = slots.flatMap(\.tokens)
    offsets = slots.reduce(into: [0]) { $0.append($0.last! + Int32($1.tokens.count)) }
    languages = slots.map(\.language)
    keys = slots.map(\.key)
    skipped = slots.flatMap(\.skipped)
    self.waitSeconds = waitSeconds
    layout = pending.layout
    pool = pending.pool
    buffer = pending.takeBuffer()
  }

  deinit { release() }

  package var count: Int { keys.count }

  /// B × 3 × H × W normalised values of the first (or only) crop.
  package var images: UnsafeMutableBufferPointer<Float> { images(crop: 0) }

  /// B × 3 × H × W normalised values of crop `crop`, with that crop's H and W.
  package func images(crop: Int) -> UnsafeMutableBufferPointer<Float> {
    guard let buffer else { preconditionFailure("the batch's images were released") }
    return layout.images(crop: crop, in: buffer)
  }

  /// Gives the image memory back to the loader; no use of `images` after this.
  package func release() {
    guard let buffer else { return }
    pool.giveBack(buffer)
    self.buffer = nil
  }
}

/// Where the views of a batch's samples lie: crop after crop, in each sample after sample.
struct CropLayout: Sendable {
  let batchSize: Int
  /// The number of values of one sample in each crop.
  let valueCounts: [Int]

  var valueCount: Int { batchSize * valueCounts.reduce(0, +) }

  func images(crop: Int, in buffer: PixelBuffer) -> UnsafeMutableBufferPointer<Float> {
    let start = batchSize * valueCounts[..<crop].reduce(0, +)
    let end = start + batchSize * valueCounts[crop]
    return UnsafeMutableBufferPointer(rebasing: buffer.values[start..<end])
  }

  func view(slot: Int, crop: Int, in buffer: PixelBuffer) -> UnsafeMutableBufferPointer<Float> {
    let start = slot * valueCounts[crop]
    return UnsafeMutableBufferPointer(
      rebasing: images(crop: crop, in: buffer)[start..<(start + valueCounts[crop])])
  }
}
