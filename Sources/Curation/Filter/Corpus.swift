import Collectives
import Foundation

/// All samples of all shards by number, as the first pass measured them.
///
/// Memory: a number a shard and a bit a sample; everything else is read from the measurements when it is needed.
struct Corpus {
  let measurements: [URL]
  /// Of each shard.
  let counts: [Int]
  /// The number of each shard's first sample, and one more for the end.
  let starts: [Int]
  /// Samples that a rule which compares them has dropped.
  var dropped: BitSet

  init(measurements: [URL], counts: [Int]) {
    self.measurements = measurements
    self.counts = counts
    starts = counts.reduce(into: [0]) { $0.append($0.last! + $1) }
    dropped = BitSet(count: starts.last!)
  }

  /// Reads how many samples each shard has, the shards dealt to the ranks.
  init(measurements: [URL], communicator: any Communicator) throws {
    let counts = try communicator.dealt(measurements.count) {
      try MeasurementFile(measurements[$0]).header.count
    }
    self.init(measurements: measurements, counts: counts)
  }

  var sampleCount: Int { starts.last! }

  /// Calls `body` with the trait of every sample that comes to rule `rule`, in order.
  func forEachTrait(_ column: Int, rule: Int, _ body: (_ sample: Int, _ trait: SampleTrait) -> Void) throws {
    for shard in measurements.indices where counts[shard] > 0 {
      let file = try MeasurementFile(measurements[shard])
      let (verdicts, present) = (try file.verdicts(), try file.hasTrait(column))
      let traits = try file.traits(column)
      for index in 0..<counts[shard] where present[index] == 1 {
        guard SampleMeasurement.reaches(verdicts[index], rule: rule), !dropped[starts[shard] + index] else {
          continue
        }
        body(starts[shard] + index, traits[index])
      }
    }
  }

  /// Which samples of a shard are left when all rules have spoken, in order.
  func kept(of shard: Int) throws -> [Int] {
    guard counts[shard] > 0 else { return [] }
    let verdicts = try MeasurementFile(measurements[shard]).verdicts()
    return verdicts.indices.filter {
      verdicts[$0] == SampleMeasurement.passed && !dropped[starts[shard] + $0]
    }
  }
}

extension Communicator {
  /// `(0..<count).map(body)`, the items dealt to the ranks in turn; every rank gets all results. Where `body` throws on
  /// any rank, all throw.
  func dealt(_ count: Int, _ body: (Int) throws -> Int) throws -> [Int] {
    let mine = try agree { try stride(from: rank, to: count, by: worldSize).map { Int64(try body($0)) } }
    let all = try allGatherBytes(mine.withUnsafeBytes { Array($0) })
    return (0..<count).map { item in
      all[item % worldSize].withUnsafeBytes {
        Int($0.loadUnaligned(fromByteOffset: item / worldSize * 8, as: Int64.self))
      }
    }
  }
}
