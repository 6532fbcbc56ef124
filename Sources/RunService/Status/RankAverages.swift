/// The times of each rank, averaged over the last ten steps or so.
struct RankAverages: Sendable {
  private(set) var means: [RankTimes] = []

  mutating func add(_ times: [RankTimes]) {
    guard means.count == times.count else {
      means = times
      return
    }
    for rank in times.indices {
      means[rank].dataSeconds.approach(times[rank].dataSeconds)
      means[rank].computeSeconds.approach(times[rank].computeSeconds)
      means[rank].communicationSeconds.approach(times[rank].communicationSeconds)
    }
  }

  /// How much longer the slowest rank takes than the fastest.
  var skewSeconds: Double {
    let busy = means.map(\.busySeconds)
    return (busy.max() ?? 0) - (busy.min() ?? 0)
  }

  /// Nil for fewer than two.
  var slowestRank: Int? {
    means.count < 2 ? nil : means.indices.max { means[$0].busySeconds < means[$1].busySeconds }
  }
}

extension Double {
  /// A step of an exponential mean; what is not finite does not stay.
  fileprivate mutating func approach(_ value: Double) {
    guard value.isFinite else { return }
    self = isFinite ? 0.9 * self + 0.1 * value : value
  }
}
