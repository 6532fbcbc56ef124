import Basics

/// Tells from what the ranks say of themselves whether the run stands still, and who holds it up.
///
/// All ranks of a run get on together or not at all, since they wait for each other: while any of them gets on, nobody is
/// stuck. One that holds the others up is silent, or does anything but wait for others.
struct StallDiagnosis {
  /// What is known of a rank.
  struct View: Equatable {
    var place: RankPlace
    var state: RankState
    /// When it was last heard of, and when it last got on, by `monotonicSeconds`.
    var heard: Double
    var advanced: Double
  }

  /// A rank that holds the run up.
  struct Culprit: Equatable {
    var rank: Int
    var place: RankPlace
    var isSilent: Bool
    var text: String
  }

  /// A rank that tells nothing for so long is dead, stopped, or cut off.
  static let silenceSeconds = 4.0

  private let limits: WatchLimits

  init(_ limits: WatchLimits) { self.limits = limits }

  /// - Parameter views: of the ranks that have ever told anything.
  /// - Returns: nothing while the run gets on.
  func culprits(_ views: [Int: View], now: Double) -> [Culprit] {
    guard let last = views.values.map(\.advanced).max() else { return [] }
    // What takes longest may take so long: a rank that saves keeps the others waiting.
    let allowed = views.values.map { limits.limit($0.state.activity) }.max()!
    guard now - last > allowed else { return [] }
    let all = views.sorted { $0.key < $1.key }
    let silent = all.filter { now - $0.value.heard > Self.silenceSeconds }
    let busy = all.filter { $0.value.state.activity != .waitingForRanks }
    let named = !silent.isEmpty ? silent : !busy.isEmpty ? busy : all
    return named.map { rank, view in
      Culprit(
        rank: rank, place: view.place, isSilent: !silent.isEmpty,
        text: text(rank, view, isSilent: !silent.isEmpty, now: now))
    }
  }

  private func text(_ rank: Int, _ view: View, isSilent: Bool, now: Double) -> String {
    let state = view.state
    let seconds = Int((isSilent ? now - view.heard : state.activitySeconds + now - view.heard).rounded())
    let doing = "\(state.activity.label), \(state.step) steps done"
    return "rank \(rank) (process \(view.place.process) on \(view.place.host)) "
      + (isSilent ? "is silent for \(seconds) s; it last was \(doing)" : "is \(doing), for \(seconds) s")
  }
}
