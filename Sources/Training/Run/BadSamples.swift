import Basics
import Foundation
import ShardStream

/// A line of `quarantine.jsonl`: a sample that was replaced.
struct BadSample: Codable, Equatable, Sendable {
  /// The step of whose batch it would have been a part, counted from 1.
  var step: Int
  var key: String
  /// Path of its shard.
  var shard: String
  var reason: String

  init(step: Int, key: String, shard: String, reason: String) {
    (self.step, self.key, self.shard, self.reason) = (step, key, shard, reason)
  }

  init(_ sample: SkippedSample, step: Int) {
    self.init(step: step, key: sample.key, shard: sample.shard, reason: sample.reason)
  }

  var line: JSONText {
    .object([
      ("step", .integer(step)), ("key", .string(key)), ("shard", .string(shard)), ("reason", .string(reason)),
    ])
  }

  /// For other ranks.
  static func encode(_ samples: [BadSample]) throws -> [UInt8] { try Array(JSONEncoder().encode(samples)) }

  static func decode(_ bytes: [UInt8]) throws -> [BadSample] {
    try JSONDecoder().decode([BadSample].self, from: Data(bytes))
  }
}

/// What was drawn since this process began, and what of it was bad. Equal on all ranks, since each counts the whole
/// global batch; so all come to the same verdict at the same step.
struct BadSampleTally: Sendable {
  /// Samples that were looked at: those in batches, and the bad ones that they replace.
  private(set) var drawn = 0
  private var reasons: [String: Int] = [:]
  private var shards: [String: Int] = [:]

  private var bad: Int { reasons.values.reduce(0, +) }

  /// - Parameter used: samples of the global batch.
  mutating func add(used: Int, bad: [BadSample]) {
    drawn += used + bad.count
    for sample in bad {
      reasons[sample.reason, default: 0] += 1
      shards[sample.shard, default: 0] += 1
    }
  }

  /// Why the run should stop; nil while it may go on.
  ///
  /// - Parameters:
  ///   - fraction: the largest share that may be bad.
  ///   - minimum: so many samples must have been drawn before a share means something.
  func verdict(fraction: Double, minimum: Int, step: Int) -> KelipError? {
    guard drawn >= minimum, Double(bad) > fraction * Double(drawn) else { return nil }
    var error = KelipError(
      "\(bad) of \(drawn) samples drawn could not be used (\(percent(bad, of: drawn))), more than "
        + "data.max_bad_fraction allows (\(fraction)): \(ranking(reasons))",
      at: "step \(step)",
      hint:
        "worst shards: \(ranking(shards, limit: 3)); look at them with kelip data verify, leave them out of "
        + "data.train, or raise data.max_bad_fraction and start again: the run goes on from this step")
    error.isAgreed = true
    return error
  }
}

/// `50 × a, 7 × b`: most first, in the order of names where equal.
func ranking(_ counts: [String: Int], limit: Int = .max) -> String {
  counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(limit)
    .map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
}

/// With one decimal.
func percent(_ part: Int, of whole: Int) -> String {
  let tenths = (1000 * part + whole / 2) / max(whole, 1)
  return "\(tenths / 10).\(tenths % 10) %"
}
