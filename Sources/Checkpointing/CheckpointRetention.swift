/// Which checkpoints stay when another one is there.
package struct CheckpointRetention: Sendable, Equatable {
  /// So many of the newest; nil for all.
  package let last: Int?
  /// And those whose step is a multiple of it, for good.
  package let everySteps: Int?

  package static let all = CheckpointRetention(last: nil)

  package init(last: Int?, everySteps: Int? = nil) {
    precondition(last ?? 1 > 0 && everySteps ?? 1 > 0, "keeping \(last ?? 0), every \(everySteps ?? 0) steps")
    (self.last, self.everySteps) = (last, everySteps)
  }

  func keepsForGood(_ step: Int) -> Bool { everySteps.map(step.isMultiple(of:)) ?? false }
}
