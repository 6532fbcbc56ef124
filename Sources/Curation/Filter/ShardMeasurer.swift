import Basics
import Foundation
import ShardStream

/// The first pass over one shard: reads every sample, applies the rules that tell of a sample by itself, and keeps what
/// the others compare.
struct ShardMeasurer {
  /// Samples that are decoded, and shown to the model, at a time: part of the result where sums round by company.
  static let batchSize = 64

  let rules: [any FilterRule]
  let reader: CandidateReader
  let scorer: (any PairScorer)?
  let threads: Int

  private var corpusRules: [(number: Int, rule: any CorpusRule)] {
    rules.enumerated().compactMap { number, rule in (rule as? any CorpusRule).map { (number, $0) } }
  }

  func measure(_ shard: URL, into url: URL) throws {
    var walk = try ShardWalk(url: shard)
    var result = Result(traitCount: corpusRules.count)
    var batch: [WalkedSample] = []
    while let step = try walk.next() {
      switch step {
      case .sample(let sample): batch.append(sample)
      case .rejected(_, let reason): result.header.rejected[reason.rawValue, default: 0] += 1
      case .fault(let fault): result.header.fault = "\(fault)"
      }
      if batch.count == Self.batchSize { try flush(&batch, walk.file, into: &result) }
    }
    try flush(&batch, walk.file, into: &result)
    result.header.count = result.measurements.count
    try MeasurementFile.write(
      result.header, measurements: result.measurements, traits: result.traits, to: url)
  }

  private struct Result {
    var header: MeasurementFile.Header
    var measurements: [SampleMeasurement] = []
    /// By rule that compares, then by sample.
    var traits: [[SampleTrait?]]

    init(traitCount: Int) {
      header = .init(count: 0, reasons: [], rejected: [:], fault: nil, traits: traitCount)
      traits = Array(repeating: [], count: traitCount)
    }

    mutating func number(of reason: String) -> Int {
      if let known = header.reasons.firstIndex(of: reason) { return known }
      header.reasons.append(reason)
      return header.reasons.count - 1
    }
  }

  private func flush(_ batch: inout [WalkedSample], _ file: ShardFile, into result: inout Result) throws {
    let read = try concurrentMap(batch, threads: threads) {
      [reader] sample -> Swift.Result<Candidate, SampleFault> in
      do {
        return .success(try reader.read(sample, from: file))
      } catch let fault as SampleFault {
        return .failure(fault)
      }
    }
    batch.removeAll(keepingCapacity: true)
    var reviewed = read.map { Reviewed($0, traitCount: corpusRules.count) }
    try review(&reviewed)
    for item in reviewed {
      result.measurements.append(
        item.fault.map { SampleMeasurement(unreadableFor: result.number(of: $0.reason)) } ?? item.measurement)
      for index in result.traits.indices { result.traits[index].append(item.traits[index]) }
    }
  }

  /// A sample with what became of it.
  private struct Reviewed {
    var candidate: Candidate?
    var fault: SampleFault?
    var measurement = SampleMeasurement()
    var traits: [SampleTrait?]

    init(_ read: Swift.Result<Candidate, SampleFault>, traitCount: Int) {
      traits = Array(repeating: nil, count: traitCount)
      switch read {
      case .success(let candidate):
        self.candidate = candidate
        measurement = SampleMeasurement(before: candidate)
      case .failure(let fault): self.fault = fault
      }
    }

    var isAlive: Bool { candidate != nil && measurement.verdict == SampleMeasurement.passed }
  }

  /// Rule by rule over the batch.
  private func review(_ samples: inout [Reviewed]) throws {
    var trait = 0
    for (number, rule) in rules.enumerated() {
      if rule.needs.contains(.similarity) { try score(&samples) }
      for index in samples.indices where samples[index].isAlive {
        if let corpusRule = rule as? any CorpusRule {
          samples[index].traits[trait] = corpusRule.trait(of: samples[index].candidate!)
        } else if !Self.admit(&samples[index].candidate!, by: rule) {
          samples[index].measurement.verdict = UInt16(number)
        }
      }
      if rule is any CorpusRule { trait += 1 }
    }
    for index in samples.indices {
      if let candidate = samples[index].candidate { samples[index].measurement.note(after: candidate) }
    }
  }

  private static func admit(_ candidate: inout Candidate, by rule: any FilterRule) -> Bool {
    switch rule {
    case let rule as any SampleRule: return rule.admits(candidate)
    case let rule as any CaptionRule:
      candidate.caption = rule.rewritten(candidate.caption)
      return !candidate.caption.isEmpty
    default: preconditionFailure("\(rule) is no kind of rule")
    }
  }

  private func score(_ samples: inout [Reviewed]) throws {
    guard let scorer else { preconditionFailure("a rule needs a model, and none was given") }
    let shown = samples.indices.filter { samples[$0].isAlive && samples[$0].candidate!.pixels != nil }
    let similarities = try scorer.similarities(
      pixels: shown.flatMap { samples[$0].candidate!.pixels! },
      captions: shown.map { samples[$0].candidate!.caption })
    for (index, similarity) in zip(shown, similarities) where similarity.isFinite {
      // Four digits: what a sum's order may change lies behind them.
      samples[index].candidate!.similarity = (similarity * 10_000).rounded() / 10_000
    }
  }
}
