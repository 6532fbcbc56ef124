import Basics
import Foundation
import ShardStream
import Training

/// What `kelip data order` found, for people and for programs.
struct OrderReport {
  private let loaded: LoadedOrder
  private var order: GlobalOrder { loaded.order }
  private var lines: [String]
  private var fields: [(String, JSONText)]
  private var batches: [JSONText] = []
  private(set) var passed = true

  init(_ loaded: LoadedOrder) {
    self.loaded = loaded
    let order = loaded.order
    let shards = Set(order.components.flatMap(\.shards)).count
    lines = [
      "\(order.sampleCount) samples in \(shards) shards, \(order.epochDescription)",
      "batches of \(order.globalBatchSize) from \(order.canonicalStreams) lanes, "
        + "shuffled in windows of \(order.shuffleWindow) samples, seed \(order.seed)",
    ]
    lines += order.mixtureDescription
    fields = [
      ("samples", .integer(order.sampleCount)), ("shards", .integer(shards)),
      ("global_batch_size", .integer(order.globalBatchSize)),
      ("canonical_streams", .integer(order.canonicalStreams)),
      ("shuffle_window", .integer(order.shuffleWindow)), ("seed", .string(String(order.seed))),
      ("steps_per_epoch", .number(order.stepsPerEpoch)),
      ("components", .array(order.components.map(Self.describe))),
    ]
  }

  private static func describe(_ component: MixtureComponent) -> JSONText {
    .object([
      ("name", .string(component.name)), ("language", component.language.map { .string($0.tag) } ?? .null),
      ("shards", .integer(component.shards.count)), ("samples", .integer(component.sampleCount)),
      ("weight", .integer(component.weight)),
    ])
  }

  /// Notes batches, a slice a rank; of one rank alone where `rank` is given.
  mutating func addBatches(from first: Int, count: Int, ranks: Int, rank: Int?, keys: Bool) throws {
    var cursor = order.cursor()
    for step in first..<(first + count) {
      for slice in rank.map({ [$0] }) ?? Array(0..<ranks) {
        let draws = cursor.draws(step: step, slots: order.slots(rank: slice, of: ranks))
        if batches.isEmpty { addTimes() }
        let names = try draws.map { keys ? try loaded.key($0) : name($0) }
        let who = ranks > 1 ? ", rank \(slice)" : ""
        lines.append("step \(step), epoch \(order.epoch(step: step))\(who): \(names.joined(separator: " "))")
        batches.append(
          .object([
            ("step", .integer(step)), ("epoch", .integer(order.epoch(step: step))), ("rank", .integer(slice)),
            (keys ? "keys" : "samples", .array(names.map(JSONText.string))),
          ]))
      }
    }
  }

  private func name(_ draw: SampleDraw) -> String {
    let prefix = order.components.count > 1 ? "\(order.components[draw.component].name)/" : ""
    return "\(prefix)\(draw.shard):\(draw.ordinal)"
  }

  /// From the shards' sizes to the first slice, before anything else costs memory.
  private mutating func addTimes() {
    let seconds = monotonicSeconds() - loaded.started
    lines.append(
      String(
        format: "first slice after %.3f s (reading the shards' sizes took %.3f s), peak memory %.0f MB",
        seconds,
        loaded.scanSeconds, Double(peakResidentBytes()) / 1e6))
    fields += [
      ("scan_seconds", .number(loaded.scanSeconds)), ("start_seconds", .number(seconds)),
      ("start_peak_bytes", .integer(peakResidentBytes())),
    ]
  }

  /// Each rank draws its own slice from an order of its own; together they must be the batch.
  mutating func addSlices(step: Int, ranks: Int) throws {
    var cursor = order.cursor()
    let mine = cursor.draws(step: step, slots: order.slots(rank: 0, of: ranks))
    if batches.isEmpty { addTimes() }
    let start = monotonicSeconds()
    let slices =
      [mine]
      + (1..<ranks).map { rank in
        var own = order.cursor()
        return own.draws(step: step, slots: order.slots(rank: rank, of: ranks))
      }
    let seconds = (monotonicSeconds() - start) / Double(max(1, ranks - 1))
    let isWhole = Array(slices.joined()) == cursor.draws(step: step, slots: 0..<order.globalBatchSize)
    let shards = slices.map { Set($0.map(\.shard)).count }.max()!
    passed = passed && isWhole
    guard ranks > 1 else { return }
    lines.append(
      String(
        format: "%d ranks: %.4f s a rank from nothing to its slice, from at most %d shards; together %@",
        ranks,
        seconds, shards, isWhole ? "the global batch" : "NOT the global batch"))
    fields += [
      ("ranks", .integer(ranks)), ("seconds_per_rank", .number(seconds)),
      ("most_shards_of_a_slice", .integer(shards)), ("slices_make_the_batch", .bool(isWhole)),
    ]
  }

  /// Tests windows of four epochs from `epoch` on.
  mutating func check(epoch: Int, windows: Int, batches: Int) {
    let start = monotonicSeconds()
    let check = OrderCheck(
      order, epoch: epoch, windows: windows, batches: batches, seed: order.seed ^ 0x6B65_6C70)
    passed = passed && check.passed
    let mixing = check.mixing
    lines.append(
      "\(check.windowCount) windows with \(check.sampleCount) samples of epochs \(epoch) to \(epoch + 3) tested; "
        + "a score within ±\(Int(UniformityScore.limit)) passes")
    if check.windowCount == 0 {
      lines.append("  no window has the \(PermutationStatistics.shortest) samples that a test needs")
    }
    lines += check.scores.map { score in
      String(
        format: "  %@ %@ z %+.2f, p %.3g", score.passed ? "ok    " : "FAILED",
        score.name.padding(toLength: 46, withPad: " ", startingAt: 0), score.z, score.pValue)
    }
    lines.append(
      String(
        format:
          "a global batch has samples of %.1f shards (expected %.1f; %.1f if all samples were shuffled together)",
        mixing.foundShards, mixing.expectedShards, mixing.fullyShuffledShards))
    lines.append(
      "a sample stays within \(order.shuffleWindow) places of where its lane reads it, a third of that on average"
    )
    lines.append(
      String(
        format: "tested in %.2f s, peak memory %.0f MB: %@", monotonicSeconds() - start,
        Double(peakResidentBytes()) / 1e6, passed ? "passed" : "FAILED"))
    fields.append(("check", Self.fields(check, seconds: monotonicSeconds() - start, passed)))
  }

  private static func fields(_ check: OrderCheck, seconds: Double, _ passed: Bool) -> JSONText {
    .object([
      ("passed", .bool(passed)), ("windows", .integer(check.windowCount)),
      ("samples", .integer(check.sampleCount)),
      (
        "tests",
        .array(
          check.scores.map {
            .object([
              ("name", .string($0.name)), ("z", .number($0.z)), ("p", .number($0.pValue)),
              ("passed", .bool($0.passed)),
            ])
          })
      ),
      ("shards_per_batch", .number(check.mixing.foundShards)),
      ("shards_per_batch_expected", .number(check.mixing.expectedShards)),
      ("shards_per_batch_fully_shuffled", .number(check.mixing.fullyShuffledShards)),
      ("seconds", .number(seconds)), ("peak_bytes", .integer(peakResidentBytes())),
    ])
  }

  var text: String { lines.joined(separator: "\n") }
  var json: JSONText {
    .object(fields + (batches.isEmpty ? [] : [("batches", .array(batches))]))
  }
}
