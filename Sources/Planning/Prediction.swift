/// What a training step will do on a cluster.
package struct StepPrediction: Sendable, Equatable {
  package var cluster: Cluster
  /// Pairs a rank; not whole where the ranks do not divide the global batch.
  package var batchPerRank: Double
  package var step: StepReplay.Result
  package var memory: MemoryPrediction

  package var globalBatch: Double { batchPerRank * Double(cluster.worldSize) }
  package var pairsPerSecond: Double { globalBatch / step.stepSeconds }
}

/// Bytes of one rank.
package struct MemoryPrediction: Sendable, Equatable {
  /// Weights, gradients, moments, and all that is not of a step.
  package var parameterBytes: Double
  package var activationBytes: Double

  package init(parameterBytes: Double, activationBytes: Double) {
    (self.parameterBytes, self.activationBytes) = (parameterBytes, activationBytes)
  }

  package var bytes: Double { parameterBytes + activationBytes }
}

/// Bytes that stay from step to step.
package struct ParameterMemory: Sendable, Equatable {
  /// Values of the model, 4 bytes each.
  package var count: Int
  /// Of those, trained: they have a gradient and two moments, 4 bytes each.
  package var trainedCount: Int
  /// Whether every rank keeps the moments of its own part only.
  package var isSharded: Bool
  /// The rest of the process, as measured: copies that compute reads, libraries, the program.
  package var otherBytes: Double

  package init(count: Int, trainedCount: Int, isSharded: Bool, otherBytes: Double = 0) {
    (self.count, self.trainedCount) = (count, trainedCount)
    (self.isSharded, self.otherBytes) = (isSharded, otherBytes)
  }

  /// Of rank 0, which has most: it keeps a copy of all values for the checkpoint that is being written, every rank one of
  /// its part of the moments.
  package func bytes(worldSize: Int) -> Double {
    let part = 8 * Double(trainedCount) / Double(worldSize)
    let moments = isSharded ? part : 8 * Double(trainedCount)
    return 4 * Double(count + trainedCount) + moments + 4 * Double(count) + part + otherBytes
  }
}

/// Predicts steps of one stage.
package struct StepPredictor: Sendable, Equatable {
  package var model: StepModel
  package var parameters: ParameterMemory

  package init(_ model: StepModel, _ parameters: ParameterMemory) {
    (self.model, self.parameters) = (model, parameters)
  }

  package func predict(_ cluster: Cluster, batchPerRank: Double) -> StepPrediction {
    let world = cluster.worldSize
    return StepPrediction(
      cluster: cluster, batchPerRank: batchPerRank,
      step: StepReplay(cluster).run(model.trace(batchSize: batchPerRank, worldSize: world)),
      memory: MemoryPrediction(
        parameterBytes: parameters.bytes(worldSize: world),
        activationBytes: model.activationBytes(batchSize: batchPerRank, worldSize: world)))
  }
}

/// How throughput grows with the number of machines.
package struct ScalingCurve: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// Every rank keeps its batch: the global batch grows.
    case sameBatchPerRank = "same_batch_per_rank"
    /// The global batch stays, as long as every rank has a pair.
    case sameGlobalBatch = "same_global_batch"
  }

  package struct Point: Sendable, Equatable {
    package var prediction: StepPrediction
    /// Pairs a second and machine, against one machine's.
    package var efficiency: Double
  }

  package var kind: Kind
  package var points: [Point]

  /// 1, 2, 4 … machines, and `cluster`'s own number.
  package init(
    _ kind: Kind, _ predictor: StepPredictor, _ cluster: Cluster, batchPerRank: Double, upTo limit: Int = 1024
  ) {
    let globalBatch = batchPerRank * Double(cluster.worldSize)
    let powers = sequence(first: 1) { $0 * 2 <= limit ? $0 * 2 : nil }
    let counts = Set(powers).union([cluster.nodes]).sorted()
    let predictions = counts.compactMap { nodes -> StepPrediction? in
      let sized = cluster.with(nodes: nodes)
      let batch = kind == .sameBatchPerRank ? batchPerRank : globalBatch / Double(sized.worldSize)
      return batch >= 1 ? predictor.predict(sized, batchPerRank: batch) : nil
    }
    let single = predictions.first?.pairsPerSecond ?? 1
    self.kind = kind
    points = predictions.map {
      Point(prediction: $0, efficiency: $0.pairsPerSecond / (Double($0.cluster.nodes) * single))
    }
  }
}
