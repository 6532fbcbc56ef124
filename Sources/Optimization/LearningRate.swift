#if canImport(Glibc)
  import Glibc
#endif

/// Linear warm-up, then a half cosine to zero: open_clip's `cosine_lr`.
package struct WarmupCosine: Sendable, Equatable {
  /// The learning rate at the end of warm-up.
  package var lr: Double
  package var warmup: Int
  package var steps: Int

  package init(lr: Double, warmup: Int, steps: Int) {
    (self.lr, self.warmup, self.steps) = (lr, warmup, steps)
  }

  /// The learning rate of update `index`, counted from 0.
  package func rate(at index: Int) -> Double {
    if index < warmup { return lr * Double(index + 1) / Double(warmup) }
    guard steps > warmup else { return lr }
    let progress = Double(index - warmup) / Double(steps - warmup)
    return 0.5 * (1 + cos(.pi * min(1, progress))) * lr
  }
}
