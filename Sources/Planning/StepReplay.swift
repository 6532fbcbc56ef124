/// Plays a recorded step through with the collectives of a cluster in place of the recorder's.
///
/// All ranks are taken to run alike. One collective is under way at a time, in the order of the calls. While the rank
/// computes, a collective goes on at `hiddenRate` of its rate, and takes `stolenSecondsPerByte` from compute; while
/// the rank waits, it has the core to itself.
package struct StepReplay: Sendable {
  package struct Result: Sendable, Equatable {
    /// Of the whole step.
    package var stepSeconds = 0.0
    /// The recorded compute.
    package var computeSeconds = 0.0
    /// What communication in the background took from compute.
    package var stolenSeconds = 0.0
    /// The rank stood still.
    package var exposedSeconds = 0.0
    /// Of that, for collectives that nothing could hide.
    package var blockingSeconds = 0.0
    /// All collectives, one after another, undisturbed.
    package var communicationSeconds = 0.0

    /// Communication that compute hid.
    package var hiddenSeconds: Double { max(0, communicationSeconds - exposedSeconds) }
  }

  private let cost: CollectiveCost
  private let overlap: Overlap

  package init(_ cluster: Cluster) { (cost, overlap) = (CollectiveCost(cluster), cluster.overlap) }

  package func run(_ trace: StepTrace) -> Result {
    var result = Result(computeSeconds: trace.computeSeconds)
    var queue = Queue(overlap)
    for event in trace.events {
      result.stolenSeconds += queue.compute(event.computeSeconds)
      switch event.action {
      case .blocking(let collective):
        let seconds = cost.seconds(collective)
        result.communicationSeconds += seconds
        result.exposedSeconds += queue.drain(upTo: queue.startedCount) + seconds
        result.blockingSeconds += seconds
      case .start(let collective):
        let seconds = cost.seconds(collective)
        result.communicationSeconds += seconds
        queue.start(seconds: seconds, bytes: cost.trafficBytes(collective))
      case .wait(let number): result.exposedSeconds += queue.drain(upTo: number + 1)
      }
    }
    result.stolenSeconds += queue.compute(trace.tailSeconds)
    result.stepSeconds = result.computeSeconds + result.stolenSeconds + result.exposedSeconds
    return result
  }

  /// Collectives in the background.
  private struct Queue {
    private struct Transfer {
      /// Seconds left at the undisturbed rate.
      var left: Double
      /// Compute that a second of it takes away.
      let stolenRate: Double
    }

    private let overlap: Overlap
    private var transfers: [Transfer] = []
    private var doneCount = 0

    init(_ overlap: Overlap) { self.overlap = overlap }

    var startedCount: Int { transfers.count }

    mutating func start(seconds: Double, bytes: Double) {
      let stolen = seconds > 0 ? bytes * overlap.stolenSecondsPerByte / seconds : 0
      transfers.append(Transfer(left: seconds, stolenRate: stolen))
    }

    /// Computes for `seconds`; returns how much longer that took.
    mutating func compute(_ seconds: Double) -> Double {
      var left = seconds
      var stolen = 0.0
      while left > 0, doneCount < transfers.count {
        let transfer = transfers[doneCount]
        // Per second of the clock: what the transfer moves on, and what is left for compute.
        let pace = overlap.hiddenRate
        let share = max(0.05, 1 - pace * transfer.stolenRate)
        let elapsed = min(transfer.left / pace, left / share)
        left -= elapsed * share
        stolen += elapsed * (1 - share)
        transfers[doneCount].left -= elapsed * pace
        if transfers[doneCount].left <= 1e-12 { doneCount += 1 }
      }
      return stolen
    }

    /// Stands still until the first `count` are done; returns the seconds.
    mutating func drain(upTo count: Int) -> Double {
      var waited = 0.0
      while doneCount < min(count, transfers.count) {
        waited += transfers[doneCount].left
        doneCount += 1
      }
      return waited
    }
  }
}
