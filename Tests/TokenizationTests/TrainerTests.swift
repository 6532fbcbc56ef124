import Basics
import Testing

@testable import Tokenization

@Suite struct TrainerTests {
  @Test func anEmptyCorpusGivesTheBytes() throws {
    let tokenizer = try BytePairTrainer(vocabSize: 1000).train(on: [])
    #expect(tokenizer.vocabSize == BytePairTrainer.smallestVocabSize)
    #expect(tokenizer.startID == 257)
    #expect(tokenizer.endID == 258)
    #expect(tokenizer.encode("a é").count == 4)
    #expect(tokenizer.decode(tokenizer.encode("한글 😀\n")) == "한글 😀\n")
  }

  @Test func vocabulariesWithoutRoomAreRefused() {
    #expect(throws: KelipError.self) { _ = try BytePairTrainer(vocabSize: 258) }
  }

  /// Ties go to the pair with the smaller ids: (a, b) before (c, d).
  @Test func tiesGoToTheSmallerPair() throws {
    let tokenizer = try BytePairTrainer(vocabSize: 261).train(on: ["cd ab", "cd\tab"])
    #expect(tokenizer.vocabulary[257...].compactMap { $0 } == ["ab", "cd"])
  }

  @Test(arguments: [(1, 3), (2, 1), (3, 0)])
  func rarePairsAreNotJoined(minFrequency: Int, expected: Int) throws {
    let tokenizer = try BytePairTrainer(vocabSize: 1000, minFrequency: minFrequency).train(on: ["xy", "xyzw"])
    #expect(tokenizer.mergeCount == expected)
  }

  /// The incremental counts against counting all pairs anew after each merge.
  @Test(arguments: [1, 2, 3, 5])
  func mergesEqualThoseOfRecounting(letters: Int) throws {
    var generator = SeededGenerator(seed: UInt64(letters))
    let texts = (0..<60).map { _ in
      String(
        (0..<Int.random(in: 0...30, using: &generator)).map { _ in
          "abcde "[
            String.Index(utf16Offset: Int.random(in: 0...letters, using: &generator) % 6, in: "abcde ")]
        })
    }
    let trained = try BytePairTrainer(vocabSize: 320).train(on: texts)
    let expected = Recounting.mergedTexts(texts, count: trained.mergeCount, minFrequency: 2)
    #expect(
      trained.merges.pairs.map { pair in
        [pair.left, pair.right].map { trained.vocabulary[Int($0)]! }
      } == expected)
  }

  /// Two megabytes: several batches, and words that repeat across them.
  private static func manyTexts() -> [String] {
    var generator = SeededGenerator(seed: 3)
    return (0..<20_000).map { _ in
      (0..<10).map { _ in
        "w\(Int.random(in: 0..<1 << Int.random(in: 1...13, using: &generator), using: &generator))"
      }
      .joined(separator: " ") + " 고양이와 강아지가 함께 앉아 있는 사진을 찍었다"
    }
  }

  @Test(arguments: [BytePairTrainer.defaultMaxWords, 3000])
  func threadsDoNotMatter(maxWords: Int) throws {
    let texts = Self.manyTexts()
    let trained = try [1, 2, 3].map { threads in
      try BytePairTrainer(vocabSize: 700, maxWords: maxWords, threads: threads).train(on: texts).json()
    }
    #expect(trained[0] == trained[1])
    #expect(trained[0] == trained[2])
  }

  @Test func progressIsTold() throws {
    var (captions, bytes, bound, merges) = (0, 0, Int64(0), 0)
    let texts = Self.manyTexts()
    _ = try BytePairTrainer(vocabSize: 700, maxWords: 3000).train(on: texts) { progress in
      switch progress {
      case .counting(let texts, let size, let words, let undercount):
        (captions, bytes, bound) = (texts, size, undercount)
        #expect(words <= 3000)
      case .joining(let done, let total):
        merges = done
        #expect(total == 700 - 259)
      }
    }
    #expect(captions == texts.count)
    #expect(bytes == texts.reduce(0) { $0 + $1.utf8.count })
    #expect(bound > 0)
    #expect(merges > 0)
  }

  @Test(arguments: [1, 7, 100, 5000])
  func forgottenWordsAreBounded(limit: Int) {
    let texts = Self.manyTexts().prefix(2000)
    var (exact, lossy) = (WordCounts(), WordCounts(limit: limit))
    let normalizer = TextNormalizer(steps: [.lowercase])
    for text in texts {
      exact.add(text, normalizer: normalizer)
      lossy.add(text, normalizer: normalizer)
      lossy.forgetRarestAboveLimit()
      #expect(lossy.count <= limit)
    }
    #expect(exact.undercount == 0)
    var kept: [[UInt8]: Int64] = [:]
    for index in 0..<lossy.count { kept[Array(lossy.word(index))] = lossy.counts[index] }
    for index in 0..<exact.count {
      let missing = exact.counts[index] - kept[Array(exact.word(index)), default: 0]
      if !(0...lossy.undercount).contains(missing) { Issue.record("\(missing) of \(exact.counts[index])") }
    }
    #expect((lossy.undercount == 0) == (exact.count <= limit))
  }

  @Test func aTableWithoutRoomIsRefused() {
    #expect(throws: KelipError.self) { _ = try BytePairTrainer(vocabSize: 300, maxWords: 0) }
  }
}

/// Byte-pair encoding as its definition reads: count all pairs, join the most frequent, start again.
private enum Recounting {
  static func mergedTexts(_ texts: [String], count: Int, minFrequency: Int) -> [[String]] {
    var ids = Dictionary(
      uniqueKeysWithValues: ByteAlphabet.bytesByCharacter.enumerated().map {
        (ByteAlphabet.text(of: [$1]), $0)
      })
    var words = texts.flatMap { text in
      Array(text.utf8).withUnsafeBufferPointer { bytes in
        WordScanner(bytes).map { bytes[$0].map { ByteAlphabet.text(of: [$0]) } }
      }
    }
    var merges: [[String]] = []
    while merges.count < count {
      var counts: [[String]: Int] = [:]
      for word in words {
        for pair in zip(word, word.dropFirst()) { counts[[pair.0, pair.1], default: 0] += 1 }
      }
      let best = counts.filter { $0.value >= minFrequency }.min { a, b in
        a.value != b.value
          ? a.value > b.value : (ids[a.key[0]]!, ids[a.key[1]]!) < (ids[b.key[0]]!, ids[b.key[1]]!)
      }
      guard let pair = best?.key else { break }
      merges.append(pair)
      ids[pair[0] + pair[1]] = ids[pair[0] + pair[1]] ?? ids.count
      words = words.map { joined($0, pair) }
    }
    return merges
  }

  private static func joined(_ word: [String], _ pair: [String]) -> [String] {
    var result: [String] = []
    var index = 0
    while index < word.count {
      let joins = word[index...].prefix(2).elementsEqual(pair)
      result.append(joins ? pair[0] + pair[1] : word[index])
      index += joins ? 2 : 1
    }
    return result
  }
}
