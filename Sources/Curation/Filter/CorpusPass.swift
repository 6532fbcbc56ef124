import Basics
import Collectives
import Foundation

/// The second pass: the rules that compare samples, one after the other, in parts that the ranks share.
///
/// What a part has found lies in a file of its own, so that a pass which was stopped goes on with the next part.
struct CorpusPass {
  let rules: [any FilterRule]
  let work: WorkFolder
  let communicator: any Communicator

  /// - Returns: how many samples each rule dropped, by its number.
  func run(_ corpus: inout Corpus) throws -> [Int: Int] {
    var counts: [Int: Int] = [:]
    var column = 0
    for (number, rule) in rules.enumerated() {
      guard let rule = rule as? any CorpusRule else { continue }
      let before = corpus.dropped.population
      for stage in stages(rule.comparison, samples: corpus.sampleCount).enumerated() {
        try run(
          stage.element, name: "\(number)-\(stage.offset)", on: &corpus, column: column, rule: number)
      }
      counts[number] = corpus.dropped.population - before
      column += 1
    }
    return counts
  }

  /// Sweeps that do not wait for each other, after those that they must wait for.
  ///
  /// Samples of equal hashes go first: the first of them speaks for all, and the groups of the masks stay small.
  private func stages(_ comparison: TraitComparison, samples: Int) -> [[TraitSweep]] {
    let whole = SampleTrait(high: .max, low: .max)
    guard case .withinDistance(let distance) = comparison else {
      return [[TraitSweep(mask: whole, comparison: comparison)]]
    }
    let same = TraitSweep(mask: whole, comparison: .keepFirst(1))
    guard distance > 0 else { return [[same]] }
    let near = NearMasks.masks(distance: distance, samples: samples).map {
      TraitSweep(mask: SampleTrait(low: $0), comparison: comparison)
    }
    return [[same], near]
  }

  private func run(
    _ sweeps: [TraitSweep], name: String, on corpus: inout Corpus, column: Int, rule: Int
  ) throws {
    let parts = TraitSweep.partCount(samples: corpus.sampleCount)
    let files = sweeps.indices.flatMap { sweep in (0..<parts).map { work.part("\(name)-\(sweep)-\($0)") } }
    let known = corpus
    try communicator.agree {
      for unit in stride(from: communicator.rank, to: files.count, by: communicator.worldSize)
      where !work.exists(files[unit]) {
        let found = try sweeps[unit / parts].dropped(
          part: unit % parts, of: parts, in: known, column: column, rule: rule)
        try work.write(found.withUnsafeBytes { Data($0) }, to: files[unit])
      }
    }
    try communicator.agree {
      for file in files {
        for sample in try numbers(in: file) { corpus.dropped.insert(sample) }
      }
    }
  }

  private func numbers(in file: URL) throws -> [Int] {
    let data = try work.read(file)
    return [Int](unsafeUninitializedCapacity: data.count / 8) { buffer, count in
      count = data.count / 8
      data.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0.prefix(8 * count).rebased)
      }
    }
  }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var rebased: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self) }
}
