import Basics

/// Brings together the samples whose traits are equal under a mask, a part of all traits at a time, and tells which of
/// them go.
///
/// A part is what its key's hash falls into; it is sorted in memory. Parts know nothing of each other, so any rank may take
/// any of them.
struct TraitSweep {
  let mask: SampleTrait
  let comparison: TraitComparison

  /// Samples in a part, on average; 24 bytes each.
  static let samplesInPart = 8_000_000

  /// A few parts also of a small corpus: ranks share them.
  static func partCount(samples: Int) -> Int {
    max((samples + samplesInPart - 1) / samplesInPart, min(16, 1 + samples / 50_000))
  }

  struct Entry {
    var key: SampleTrait
    var trait: SampleTrait
    var sample: Int

    static func precedes(_ a: Entry, _ b: Entry) -> Bool {
      (a.key.high, a.key.low, a.sample) < (b.key.high, b.key.low, b.sample)
    }
  }

  /// The samples that go, ascending.
  func dropped(part: Int, of partCount: Int, in corpus: Corpus, column: Int, rule: Int) throws -> [Int] {
    var entries: [Entry] = []
    try corpus.forEachTrait(column, rule: rule) { sample, trait in
      let key = SampleTrait(high: trait.high & mask.high, low: trait.low & mask.low)
      guard Int(Hashing.combine(key.high, key.low) % UInt64(partCount)) == part else { return }
      entries.append(Entry(key: key, trait: trait, sample: sample))
    }
    entries.sort(by: Entry.precedes)
    var result: [Int] = []
    var start = 0
    while start < entries.count {
      let end = entries[start...].firstIndex { $0.key != entries[start].key } ?? entries.count
      judge(entries[start..<end], &result)
      start = end
    }
    return result.sorted()
  }

  /// Samples of one key, in order.
  private func judge(_ group: ArraySlice<Entry>, _ result: inout [Int]) {
    switch comparison {
    case .keepFirst(let count): result += group.dropFirst(count).map(\.sample)
    case .withinDistance(let distance):
      for (index, entry) in zip(group.indices, group) {
        let hasEarlier = group[..<index].contains {
          ($0.trait.low ^ entry.trait.low).nonzeroBitCount <= distance
        }
        if hasEarlier { result.append(entry.sample) }
      }
    }
  }
}

/// The masks under which two words of 64 bits that differ in at most `distance` bits are equal for at least one.
///
/// The word is cut into distance + r blocks, and each choice of r of them is a mask: differing bits spoil at most `distance`
/// blocks. More blocks a mask make smaller groups and more masks; r is what costs least for the number of samples
/// (Manku, Jain, Das Sarma 2007, "Detecting near-duplicates for web crawling").
enum NearMasks {
  static func masks(distance: Int, samples: Int) -> [UInt64] {
    let best = (1...4).min { cost(distance, $0, samples) < cost(distance, $1, samples) }!
    let blocks = blocks(count: distance + best)
    return choices(of: best, from: blocks.count).map { choice in choice.reduce(0) { $0 | blocks[$1] } }
  }

  /// Comparisons within groups, and the sorting of all samples for each mask.
  private static func cost(_ distance: Int, _ chosen: Int, _ samples: Int) -> Double {
    let count = Double(samples)
    let masks = Double(choices(of: chosen, from: distance + chosen).count)
    let groups = Double(UInt64(1) << UInt64(min(62, 64 * chosen / (distance + chosen))))
    return masks * (50 * count + count * count / groups)
  }

  private static func blocks(count: Int) -> [UInt64] {
    (0..<count).map { block in
      let (low, high) = (64 * block / count, 64 * (block + 1) / count)
      return (low..<high).reduce(0) { $0 | 1 << UInt64($1) }
    }
  }

  private static func choices(of count: Int, from total: Int, startingAt first: Int = 0) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return (first..<max(first, total)).flatMap { item in
      choices(of: count - 1, from: total, startingAt: item + 1).map { [item] + $0 }
    }
  }
}
