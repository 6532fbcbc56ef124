/// Lays out batch after batch for one rank, from a given step on.
struct BatchPlanner {
  private let options: LoaderOptions
  private let pool: PixelBufferPool
  private var cursor: OrderCursor
  private var step: Int

  init(_ options: LoaderOptions, startStep: Int) {
    self.options = options
    pool = PixelBufferPool(valueCount: options.layout(options.crops).valueCount)
    cursor = options.order.cursor()
    step = startStep
  }

  mutating func next() -> PendingBatch {
    defer { step += 1 }
    let crops = options.crops(step: step)
    return PendingBatch(
      step: step, epoch: options.order.epoch(step: step),
      draws: cursor.draws(step: step, slots: options.slots), crops: crops, layout: options.layout(crops),
      pool: pool)
  }
}
