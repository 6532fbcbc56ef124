import Basics
import Collectives
import Training

/// Runs steps one after the other and takes their time; all ranks together.
final class StepTimer {
  private let step: TrainStep
  private let inputs: StepInputs
  private let communicator: any Communicator
  private var index = 0

  init(step: TrainStep, inputs: StepInputs, communicator: any Communicator) {
    (self.step, self.inputs, self.communicator) = (step, inputs, communicator)
  }

  func next() throws -> StepResult {
    defer { index += 1 }
    return try step.run(inputs.batch(index), index: index)
  }

  private struct Sample {
    var seconds: Double
    var communicationSeconds: Double
    var hiddenSeconds: Double
    var memory: MemoryCounters
    var loss: Double
    var residentBytes: Int
  }

  /// The medians of `steps` steps after `warmups` others.
  func timed(steps: Int, warmups: Int) throws -> StepReport {
    for _ in 0..<warmups { _ = try next() }
    MemoryCounters.countProcess(true)
    defer { MemoryCounters.countProcess(false) }
    var samples: [Sample] = []
    samples.reserveCapacity(steps)
    for _ in 0..<steps { samples.append(try sample()) }
    return try report(samples)
  }

  private func sample() throws -> Sample {
    try communicator.barrier()
    let (start, busy, before) = (monotonicSeconds(), CollectiveMeter.busySeconds, MemoryCounters.read())
    let result = try next()
    let memory = MemoryCounters.read() - before
    let hidden = max(0, CollectiveMeter.busySeconds - busy - result.communicationSeconds)
    try communicator.barrier()
    return Sample(
      seconds: monotonicSeconds() - start, communicationSeconds: result.communicationSeconds,
      hiddenSeconds: hidden, memory: memory, loss: result.loss, residentBytes: residentBytes())
  }

  private func report(_ samples: [Sample]) throws -> StepReport {
    let median = samples.sorted { $0.seconds < $1.seconds }[samples.count / 2]
    let seconds = try communicator.max(median.seconds)
    func most(_ value: (MemoryCounters) -> Int?) -> Int? { samples.compactMap { value($0.memory) }.max() }
    return StepReport(
      worldSize: communicator.worldSize, stepSeconds: seconds,
      communicationSeconds: try communicator.max(median.communicationSeconds),
      leastCommunicationSeconds: -(try communicator.max(-median.communicationSeconds)),
      hiddenCommunicationSeconds: try communicator.max(median.hiddenSeconds),
      loss: samples[samples.count - 1].loss, peakActivationBytes: step.peakActivationBytes,
      peakResidentBytes: peakResidentBytes(),
      residentGrowthBytes: samples[samples.count - 1].residentBytes - samples[0].residentBytes,
      allocations: most(\.threadAllocations), processAllocations: most(\.processAllocations),
      minorFaults: most(\.minorFaults)!, majorFaults: most(\.majorFaults)!)
  }

  /// One step's.
  func seconds() throws -> Double { try sample().seconds }

  /// The mean of `steps` steps, by phase.
  func phases(steps: Int) throws -> PhaseRecord {
    try communicator.barrier()
    return try PhaseClock.measure {
      for _ in 0..<steps { _ = try next() }
    }.divided(by: steps)
  }
}
