import Synchronization

/// What a process that trains is doing, for those who ask why it does not get on.
package enum Activity: UInt8, Sendable, Codable, CaseIterable {
  case startingUp
  case readingData
  case computing
  case waitingForRanks
  case writingRecords
  case saving
  case evaluating

  package var label: String {
    switch self {
    case .startingUp: "starting up"
    case .readingData: "waiting for data"
    case .computing: "computing"
    case .waitingForRanks: "waiting for other ranks"
    case .writingRecords: "writing records"
    case .saving: "saving a checkpoint"
    case .evaluating: "evaluating"
    }
  }

  private static let word = Atomic<UInt8>(Activity.startingUp.rawValue)
  private static let start = Atomic<UInt64>(monotonicSeconds().bitPattern)
  private static let steps = Atomic<Int>(0)
  private static let progress = Atomic<Int>(0)

  /// Of this process, and since when by `monotonicSeconds`.
  package static var current: (activity: Activity, since: Double) {
    (Activity(rawValue: word.load(ordering: .relaxed))!, Double(bitPattern: start.load(ordering: .relaxed)))
  }

  /// Steps that are done.
  package static var step: Int { steps.load(ordering: .relaxed) }

  /// Grows whenever the process has got on.
  package static var progressCount: Int { progress.load(ordering: .relaxed) }

  /// From now on the process does this; the thread that trains calls it.
  ///
  /// - Returns: what it did before.
  @discardableResult
  package static func enter(_ activity: Activity) -> Activity {
    start.store(monotonicSeconds().bitPattern, ordering: .relaxed)
    return Activity(rawValue: word.exchange(activity.rawValue, ordering: .relaxed))!
  }

  /// The process has got on: a step is done, or a part of the start.
  package static func advance(step: Int? = nil) {
    if let step { steps.store(step, ordering: .relaxed) }
    progress.add(1, ordering: .relaxed)
  }
}
