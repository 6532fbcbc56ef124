/// Lays out batch after batch for one rank, from a given step on.
struct BatchPlanner {
  private let options: LoaderOptions
  private let pool: PixelBufferPool
  private var epochOrder: EpochOrder
  private var step: Int

  init(_ options: LoaderOptions, startStep: Int) {
    self.options = options
    pool = PixelBufferPool(valueCount: options.layout.valueCount)
    epochOrder = options.order.epoch(options.order.position(step: startStep).epoch)
    step = startStep
  }

  mutating func next() -> PendingBatch {
    defer { step += 1 }
    let (epoch, batch) = options.order.position(step: step)
    if epochOrder.epoch != epoch { epochOrder = options.order.epoch(epoch) }
    let samples = options.slots.map { epochOrder.sample(batch: batch, slot: $0) }
    return PendingBatch(step: step, epoch: epoch, samples: samples, layout: options.layout, pool: pool)
  }
}
