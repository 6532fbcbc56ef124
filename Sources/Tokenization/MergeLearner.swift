/// Learns merges from word counts, pair by pair in the order of `tokenizers`' BPE trainer: the most frequent pair
/// first, then the pair with the smaller ids. Counts are updated only in the words where a pair occurs.
struct MergeLearner {
  /// Token texts by id: `[PAD]`, the 256 bytes, then the joined tokens.
  private(set) var vocabulary: [String]
  private var ids: TokenTable
  private var merges: [TokenPair] = []

  // All words' tokens end to end. Joining shortens a word in place.
  private var tokens: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int] = []
  private let wordCounts: [Int64]

  private var pairCounts = PairTable()
  private var queue = MinHeap<QueuedPair>()
  /// The words of each queue entry, ascending.
  private var positions: [[Int32]] = []

  /// A pair with the count that it had when it was queued; the count may have shrunk since.
  private struct QueuedPair: Comparable {
    var count: Int64
    let pair: TokenPair
    let positions: Int

    static func < (a: QueuedPair, b: QueuedPair) -> Bool {
      a.count != b.count ? a.count > b.count : (a.pair, a.positions) < (b.pair, b.positions)
    }
    static func == (a: QueuedPair, b: QueuedPair) -> Bool { !(a < b) && !(b < a) }
  }

  /// - Parameter words: let go of as soon as they are read.
  init(_ words: consuming WordCounts) {
    vocabulary =
      [SpecialToken.pad.rawValue]
      + ByteAlphabet.bytesByCharacter.map { String(ByteAlphabet.characters[Int($0)]) }
    ids = TokenTable(minimumCapacity: vocabulary.count)
    for (id, token) in vocabulary.enumerated() { ids.set(Int32(id), for: token) }
    wordCounts = words.counts
    var byteIDs = [Int32](repeating: 0, count: 256)
    for (index, byte) in ByteAlphabet.bytesByCharacter.enumerated() { byteIDs[Int(byte)] = Int32(index + 1) }
    for index in 0..<words.count {
      let word = words.word(index)
      starts.append(tokens.count)
      lengths.append(word.count)
      tokens += word.lazy.map { byteIDs[Int($0)] }
    }
    countPairs()
  }

  private mutating func countPairs() {
    var fresh = FreshPairs()
    for word in starts.indices {
      for place in starts[word]..<max(starts[word], starts[word] + lengths[word] - 1) {
        let pair = TokenPair(tokens[place], tokens[place + 1])
        pairCounts.add(wordCounts[word], to: pair)
        fresh.note(pair, in: word)
      }
    }
    enqueue(fresh)
  }

  /// Joins pairs until the vocabulary holds `vocabSize` tokens or no pair occurs `minFrequency` times.
  ///
  /// - Parameter progress: given the number of merges, every thousand.
  /// - Returns: the pairs by rank.
  mutating func learn(vocabSize: Int, minFrequency: Int, progress: (Int) -> Void) -> [TokenPair] {
    while vocabulary.count < vocabSize, var best = queue.pop() {
      let current = pairCounts[best.pair]!
      if best.count != current {
        best.count = current
        queue.push(best)
        continue
      }
      guard best.count >= max(1, Int64(minFrequency)) else { break }
      join(best)
      if merges.count.isMultiple(of: 1000) { progress(merges.count) }
    }
    progress(merges.count)
    return distinctMerges()
  }

  private mutating func join(_ best: QueuedPair) {
    let joined = idOfJoined(best.pair)
    merges.append(best.pair)
    var fresh = FreshPairs()
    for word in positions[best.positions] { join(best.pair, into: joined, inWord: Int(word), noting: &fresh) }
    positions[best.positions] = []
    enqueue(fresh)
  }

  /// Two different pairs may spell the same token; the second takes the id of the first.
  private mutating func idOfJoined(_ pair: TokenPair) -> Int32 {
    let text = vocabulary[Int(pair.left)] + vocabulary[Int(pair.right)]
    if let known = ids[text] { return known }
    let id = Int32(vocabulary.count)
    vocabulary.append(text)
    ids.set(id, for: text)
    return id
  }

  private mutating func join(
    _ pair: TokenPair, into joined: Int32, inWord word: Int, noting fresh: inout FreshPairs
  ) {
    let count = wordCounts[word]
    let start = starts[word]
    let end = start + lengths[word]
    var (read, write) = (start, start)
    while read < end {
      guard tokens[read] == pair.left, read + 1 < end, tokens[read + 1] == pair.right else {
        tokens[write] = tokens[read]
        (read, write) = (read + 1, write + 1)
        continue
      }
      if write > start {
        pairCounts.add(-count, to: TokenPair(tokens[write - 1], pair.left))
        gain(TokenPair(tokens[write - 1], joined), count, in: word, noting: &fresh)
      }
      if read + 2 < end {
        pairCounts.add(-count, to: TokenPair(pair.right, tokens[read + 2]))
        gain(TokenPair(joined, tokens[read + 2]), count, in: word, noting: &fresh)
      }
      tokens[write] = joined
      (read, write) = (read + 2, write + 1)
    }
    lengths[word] = write - start
  }

  private mutating func gain(_ pair: TokenPair, _ count: Int64, in word: Int, noting fresh: inout FreshPairs)
  {
    pairCounts.add(count, to: pair)
    fresh.note(pair, in: word)
  }

  private mutating func enqueue(_ fresh: FreshPairs) {
    for (pair, words) in zip(fresh.pairs, fresh.words) {
      let count = pairCounts[pair]!
      guard count > 0 else { continue }
      queue.push(QueuedPair(count: count, pair: pair, positions: positions.count))
      positions.append(words)
    }
  }

  /// A pair can be queued twice where two merges spell the same token; its last rank counts, as in `tokenizers`.
  private func distinctMerges() -> [TokenPair] {
    var seen: Set<TokenPair> = []
    return merges.reversed().filter { seen.insert($0).inserted }.reversed()
  }
}

/// The pairs that one pass over words has brought forth, in the order of their appearance, with their words.
private struct FreshPairs {
  private(set) var pairs: [TokenPair] = []
  private(set) var words: [[Int32]] = []
  private var indices = PairTable()

  /// Words come in ascending order, so that a repeated word is the last one noted.
  mutating func note(_ pair: TokenPair, in word: Int) {
    let index = Int(indices.value(of: pair, orInsert: Int64(pairs.count)))
    if index == pairs.count {
      pairs.append(pair)
      words.append([Int32(word)])
    } else if words[index].last != Int32(word) {
      words[index].append(Int32(word))
    }
  }
}
