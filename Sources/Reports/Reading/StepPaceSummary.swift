/// The times of one step, in seconds; nil where a line does not have them.
struct StepTimes {
  var samplesPerSecond: Double?
  var step: Double?
  var data: Double?
  var compute: Double?
  var communication: Double?
}

/// How fast steps were, and where their time went.
struct StepPaceSummary {
  private(set) var samplesPerSecond: Quantiles
  private(set) var stepCount = 0
  private(set) var stepSeconds = 0.0
  private(set) var dataSeconds = 0.0
  private(set) var computeSeconds = 0.0
  private(set) var communicationSeconds = 0.0

  init(capacity: Int = 1 << 20) { samplesPerSecond = Quantiles(capacity: capacity) }

  mutating func add(_ times: StepTimes) {
    stepCount += 1
    if let rate = times.samplesPerSecond { samplesPerSecond.add(rate) }
    stepSeconds += times.step ?? 0
    dataSeconds += times.data ?? 0
    computeSeconds += times.compute ?? 0
    communicationSeconds += times.communication ?? 0
  }
}
