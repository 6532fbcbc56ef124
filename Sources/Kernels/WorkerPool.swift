import CKernels

/// The threads that share the loops of this program's own kernels, made when first asked for.
///
/// What a loop computes does not depend on their number: every result is one item's, and sums over items are taken in
/// their order.
package enum WorkerPool {
  /// How many to ask for, the caller's included: `OMP_NUM_THREADS`, which the program sets from its options.
  package static var workers: Int { Int(kelip_pool_workers()) }

  /// Asks for `workers` instead of `OMP_NUM_THREADS`; nil goes back to that.
  package static func choose(_ workers: Int?) { kelip_pool_choose(Int64(workers ?? 0)) }

  /// Runs `body(item, worker)` once for each item below `count`, in no certain order; workers count from 0.
  static func forEach(_ count: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
    let workers = self.workers
    if count > 1, workers > 1 {
      runClosure(count, workers, body)
    } else {
      for item in 0..<count { body(item, 0) }
    }
  }

  /// Runs `body` on pieces of 0 ..< `count`, each of at least `grain` (a multiple of it, but for the last): for loops
  /// whose turns have nothing to do with each other.
  static func share(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let workers = self.workers
    guard workers > 1, count > grain else {
      if count > 0 { body(0..<count) }
      return
    }
    // A few pieces a worker: one that is slower leaves some of its own to the others.
    let pieces = 4 * workers
    let size = ((count + pieces - 1) / pieces + grain - 1) / grain * grain
    forEach((count + size - 1) / size) { piece, _ in
      body(piece * size..<min(count, (piece + 1) * size))
    }
  }

  /// The same over rows of `columns`, in pieces of no less than what makes up for waking a thread.
  static func shareRows(_ rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
    share(rows, grain: max(1, worthSharing / max(1, columns)), body)
  }

  /// Elements of a loop that takes about as long as waking a thread.
  static let worthSharing = 1 << 14
}

/// `kelip_pool_run` for a closure that stays on the stack.
@_silgen_name("kelip_pool_run_closure")
private func runClosure(_ count: Int, _ workers: Int, _ body: (Int, Int) -> Void)
