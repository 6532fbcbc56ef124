import Basics
import Towers

/// What a benchmark of steps found; times are medians, and equal on every rank where they are not said to be this
/// rank's.
package struct StepReport: Sendable {
  package var worldSize: Int
  package var stepSeconds: Double
  /// Communication that compute did not hide, of the rank that waited most: waiting for a slower rank is a part of it.
  package var communicationSeconds: Double
  /// The same of the rank that waited least: what is left when none waits for a slower one.
  package var leastCommunicationSeconds: Double
  /// Communication under way while this rank computed.
  package var hiddenCommunicationSeconds: Double
  package var loss: Double
  package var peakActivationBytes: Int
  /// Of this rank.
  package var peakResidentBytes: Int
  /// From the end of the first timed step to the end of the last, of this rank.
  package var residentGrowthBytes: Int
  /// The most in any timed step of this rank, on the thread that computes; nil where they cannot be counted.
  package var allocations: Int?
  /// The same of all threads.
  package var processAllocations: Int?
  package var minorFaults: Int
  package var majorFaults: Int
  package var tokensPerCaption = 0.0
  package var samplesPerSecond = 0.0
  package var parameterCount = 0
  package var trainedParameterCount = 0
  /// Weights, gradients and optimizer state.
  package var parameterBytes = 0
  /// One step of this rank by phase.
  package var phases: PhaseRecord?
  /// This step's matrix products, each shape alone, on this rank.
  package var products: ProductBenchmark.Result?
  /// Their time-weighted rate a rank, the mean over the ranks.
  package var productGigaflops: Double?
  /// How much of that rate whole steps reach that run just before and just after.
  package var shareOfProductRate: Double?

  /// Operations a second of the whole step on this rank, in GFLOP/s: those that the formulas ask for, without what is
  /// computed again.
  package var gigaflops: Double? { phases.map { $0.flops / stepSeconds * 1e-9 } }

  /// - Parameter momentCount: elements of each moment that this rank keeps.
  mutating func setModel(_ parameters: ParameterArena, momentCount: Int, batchSize: Int) {
    samplesPerSecond = Double(batchSize * worldSize) / stepSeconds
    parameterCount = parameters.parameterCount
    trainedParameterCount = parameters.trainedParameterCount
    parameterBytes = 4 * (parameters.count + parameters.trainedCount + 2 * momentCount)
  }
}
