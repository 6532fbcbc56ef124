import Basics
import Testing

@testable import RunService

@Suite("Who holds up a run that stands still")
struct StallDiagnosisTests {
  private static let limits = WatchLimits(startUp: 100, step: 10, checkpoint: 50)

  private func view(_ activity: Activity, heard: Double = 0, advanced: Double) -> StallDiagnosis.View {
    StallDiagnosis.View(
      place: RankPlace(host: "n1", process: 7),
      state: RankState(activity: activity, activitySeconds: 1, step: 5, progress: 9), heard: heard,
      advanced: advanced)
  }

  private func culprits(_ views: [StallDiagnosis.View], now: Double = 1000) -> [StallDiagnosis.Culprit] {
    StallDiagnosis(Self.limits).culprits(
      Dictionary(uniqueKeysWithValues: views.enumerated().map { ($0.offset, $0.element) }), now: now)
  }

  @Test("nobody, while any rank gets on")
  func running() {
    #expect(culprits([]).isEmpty)
    let waiting = view(.waitingForRanks, heard: 1000, advanced: 900)
    #expect(culprits([waiting, view(.computing, heard: 1000, advanced: 990.1)]).isEmpty)
    #expect(!culprits([waiting, view(.computing, heard: 1000, advanced: 989.9)]).isEmpty)
  }

  @Test(
    "each part of a run's life has its own limit",
    arguments: [
      (Activity.startingUp, 100.0), (.saving, 50), (.computing, 10), (.readingData, 10),
      (.writingRecords, 10),
    ])
  func limits(activity: Activity, seconds: Double) {
    let other = { view(.waitingForRanks, heard: 1000, advanced: 1000 - $0) }
    #expect(
      culprits([other(seconds - 0.1), view(activity, heard: 1000, advanced: 1000 - seconds + 0.1)]).isEmpty)
    let found = culprits([other(seconds + 0.1), view(activity, heard: 1000, advanced: 1000 - seconds - 0.1)])
    #expect(found.map(\.rank) == [1], "the one that waits for it is not named")
  }

  @Test("a silent rank goes before those that are busy")
  func silent() {
    let found = culprits([
      view(.computing, heard: 999, advanced: 900), view(.waitingForRanks, heard: 950, advanced: 900),
    ])
    #expect(found.map(\.rank) == [1] && found[0].isSilent)
    #expect(
      found[0].text
        == "rank 1 (process 7 on n1) is silent for 50 s; it last was waiting for other ranks, 5 steps done")
  }

  @Test("where all wait, all are named")
  func network() {
    let all = (0..<3).map { _ in view(.waitingForRanks, heard: 1000, advanced: 900) }
    #expect(culprits(all).map(\.rank) == [0, 1, 2])
    #expect(
      culprits(all)[2].text == "rank 2 (process 7 on n1) is waiting for other ranks, 5 steps done, for 1 s")
  }
}
