import Collectives
import Configuration
import Optimization

/// How ranks share the work on gradients and weights; what is computed stays the same within rounding.
package struct ParallelSettings: Sendable, Equatable {
  /// `parallel.bucket_megabytes`, in bytes.
  package var bucketBytes = GradientBuckets.defaultBucketBytes
  /// `parallel.gradient_wire` and `parallel.hierarchical`.
  package var style = ExchangeStyle()
  /// `parallel.shard_optimizer`: whether a rank keeps the optimizer's state of its part of the weights only.
  package var shardsOptimizer = true

  package init() {}

  init(_ reader: ConfigReader) throws {
    bucketBytes = try reader.integer("parallel.bucket_megabytes", default: 25, in: 1...4096) << 20
    style = ExchangeStyle(
      wire: try reader.choice("parallel.gradient_wire", default: .fp32),
      isHierarchical: try reader.bool("parallel.hierarchical", default: true))
    shardsOptimizer = try reader.bool("parallel.shard_optimizer", default: true)
  }

  /// An optimizer over this rank's share of what an objective trains.
  package func optimizer(
    for objective: any TrainObjective, _ settings: OptimizerSettings, _ communicator: any Communicator
  ) -> Optimizer {
    let parameters = objective.parameters
    guard shardsOptimizer, communicator.worldSize > 1 else {
      return Optimizer(parameters, settings: settings)
    }
    let layout = GradientBuckets.layout(
      count: parameters.trainedCount, bucketBytes: bucketBytes, communicator: communicator,
      rows: objective.tableRows)
    return Optimizer(
      parameters, settings: settings, share: layout.parts(ofPlace: communicator.place(style)))
  }
}
