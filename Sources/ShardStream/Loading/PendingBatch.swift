import Captions

/// What decoding one slot of a batch gives besides its pixels.
struct DecodedSlot: Sendable {
  var key: String
  var tokens: [Int32]
  var language: CaptionLanguage
  /// The bad samples tried before the one that is used.
  var skipped: [SkippedSample]
}

/// A batch that is being decoded. Guarded by the lock of the queue that holds it; only the pixels are written
/// outside the lock, each slot by one thread.
final class PendingBatch {
  let step: Int
  let epoch: Int
  /// The samples of this rank's slots.
  let draws: [SampleDraw]
  let crops: [ImagePreparation]
  let layout: CropLayout
  let pool: PixelBufferPool
  private var buffer: PixelBuffer?
  private var slots: [Result<DecodedSlot, any Error>?]
  private var startedCount = 0
  private var finishedCount = 0

  /// - Parameter pool: of buffers with room for the layout.
  init(
    step: Int, epoch: Int, draws: [SampleDraw], crops: [ImagePreparation], layout: CropLayout,
    pool: PixelBufferPool
  ) {
    self.step = step
    self.epoch = epoch
    self.draws = draws
    self.crops = crops
    self.layout = layout
    self.pool = pool
    buffer = pool.take()
    slots = Array(repeating: nil, count: draws.count)
  }

  deinit {
    if let buffer { pool.giveBack(buffer) }
  }

  /// The next slot that nobody has begun with.
  func startSlot() -> SlotTask? {
    guard startedCount < draws.count, let buffer else { return nil }
    defer { startedCount += 1 }
    return SlotTask(
      slot: startedCount, draw: draws[startedCount], crops: crops, layout: layout, buffer: buffer)
  }

  func finish(_ task: SlotTask, _ result: Result<DecodedSlot, any Error>) {
    precondition(slots[task.slot] == nil)
    slots[task.slot] = result
    finishedCount += 1
  }

  var isFinished: Bool { finishedCount == draws.count }

  /// The results in the order of the slots; throws the error of the first slot that has one.
  func results() throws -> [DecodedSlot] { try slots.map { try $0!.get() } }

  /// Hands the pixels over to whoever uses the batch.
  func takeBuffer() -> PixelBuffer {
    defer { buffer = nil }
    return buffer!
  }
}

/// One slot to decode: everything that the work needs, and nothing that is shared.
struct SlotTask: Sendable {
  let slot: Int
  let draw: SampleDraw
  let crops: [ImagePreparation]
  let layout: CropLayout
  let buffer: PixelBuffer
}
