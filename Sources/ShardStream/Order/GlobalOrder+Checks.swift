import Basics

extension GlobalOrder {
  /// Throws where batch, lanes and window cannot go together.
  static func check(_ batchSize: Int, _ streams: Int, _ window: Int) throws {
    guard batchSize > 0 else {
      throw KelipError(
        "the global batch size is \(batchSize)", at: "data.global_batch_size", hint: "at least 1")
    }
    guard streams > 0, batchSize.isMultiple(of: streams) else {
      let divisors = divisors(batchSize).map(String.init).joined(separator: ", ")
      throw KelipError(
        "\(streams) canonical streams do not divide the global batch size \(batchSize)",
        at: "data.canonical_streams", hint: "choose one of \(divisors)")
    }
    guard window > 0 else {
      throw KelipError(
        "the shuffle window is \(window)", at: "data.shuffle_window", hint: "1 or more samples")
    }
  }

  /// Throws where a component is too small for its part of a batch: it would meet itself in every batch.
  static func check(_ components: [MixtureComponent], _ batchSize: Int) throws {
    precondition(!components.isEmpty)
    var total = 0
    for component in components {
      guard component.sampleCount > 0 || components.count == 1 else {
        throw KelipError(
          "\(component.name) holds no sample", at: "data.train", hint: "leave the entry out")
      }
      let (sum, isOverflow) = total.addingReportingOverflow(component.weight)
      guard !isOverflow else {
        throw KelipError("the weights' sum is too large", at: "data.train", hint: "give smaller weights")
      }
      total = sum
    }
    for component in components { try checkShare(component, of: total, components.count, batchSize) }
  }

  private static func checkShare(
    _ component: MixtureComponent, of total: Int, _ count: Int, _ batchSize: Int
  ) throws {
    let (samples, weight) = (component.sampleCount, component.weight)
    guard count > 1 else {
      guard samples >= batchSize else {
        throw KelipError(
          "the shards hold \(samples) samples, fewer than one global batch of \(batchSize)",
          at: "data.global_batch_size", hint: "give more shards or a smaller global batch")
      }
      return
    }
    let share = UInt128(batchSize) * UInt128(weight)
    guard UInt128(samples) * UInt128(total) >= share else {
      throw KelipError(
        "\(component.name) holds \(samples) samples, fewer than its part of one global batch, "
          + "\(share / UInt128(total)) of \(batchSize)",
        at: "data.train", hint: "give it more shards, a smaller weight, or a smaller global batch")
    }
  }

  private static func divisors(_ number: Int) -> [Int] {
    (1...number).filter(number.isMultiple(of:))
  }

  /// The largest number of streams up to 16 that divides the global batch size.
  package static func defaultStreams(_ globalBatchSize: Int) -> Int {
    (1...16).last { globalBatchSize.isMultiple(of: $0) }!
  }
}

extension GlobalOrder {
  /// Whether the components lie within shards of these sizes.
  func fits(_ shardSampleCounts: [Int]) -> Bool {
    components.allSatisfy { component in
      zip(component.shards, component.counts).allSatisfy { shard, count in
        guard shardSampleCounts.indices.contains(shard) else { return false }
        let all = shardSampleCounts[shard]
        return component.language == nil ? count == all : count <= all
      }
    }
  }
}
