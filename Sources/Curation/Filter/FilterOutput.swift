import Basics
import Captions
import Collectives
import Foundation
import ShardStream

/// The third pass: the samples that are left, in the order of shards and samples, cut into new shards.
///
/// Pictures go over byte for byte. A finished shard is not written again.
struct FilterOutput {
  let rules: [any FilterRule]
  let shards: [URL]
  let work: WorkFolder
  let samplesPerShard: Int
  let isCompressed: Bool
  let communicator: any Communicator

  /// - Returns: how many shards there are now.
  func run(_ corpus: Corpus) throws -> Int {
    let kept = try communicator.dealt(shards.count) { try corpus.kept(of: $0).count }
    let starts = kept.reduce(into: [0]) { $0.append($0.last! + $1) }
    let count = (starts.last! + samplesPerShard - 1) / samplesPerShard
    let names = ShardSet(samplesPerShard: samplesPerShard, shardCount: count, isCompressed: isCompressed)
    try communicator.agree {
      for shard in stride(from: communicator.rank, to: count, by: communicator.worldSize) {
        let file = work.result(names.shardName(shard))
        guard !work.exists(file) else { continue }
        let range = shard * samplesPerShard..<min(starts.last!, (shard + 1) * samplesPerShard)
        try write(range, starts, corpus, as: names, shard: shard, to: file)
        try work.didWrite(file.lastPathComponent)
      }
    }
    return count
  }

  /// - Parameters:
  ///   - range: of the kept samples.
  ///   - starts: the number of the first kept sample of each input shard.
  private func write(
    _ range: Range<Int>, _ starts: [Int], _ corpus: Corpus, as names: ShardSet, shard: Int, to file: URL
  ) throws {
    let tar = try TarWriter(path: file.path)
    var number = 0
    for input in Self.first(reaching: range.lowerBound, starts)..<shards.count {
      let part = range.clamped(to: starts[input]..<starts[input + 1])
      if starts[input] >= range.upperBound { break }
      if part.isEmpty { continue }
      let wanted = try corpus.kept(of: input)[
        (part.lowerBound - starts[input])..<(part.upperBound - starts[input])]
      let measured = try MeasurementFile(corpus.measurements[input]).measurements()
      try forEach(wanted, of: shards[input]) { sample, source in
        let key = names.key(shard: shard, sample: number)
        try output(sample, source, measured[sample.ordinal], key: key).write(to: tar, key: key)
        number += 1
      }
    }
    precondition(number == range.count)
    try tar.finish()
  }

  /// The first input shard that ends behind kept sample `sample`.
  private static func first(reaching sample: Int, _ starts: [Int]) -> Int {
    var (low, high) = (0, starts.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle + 1] > sample { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Walks a shard again and stops at the samples with the numbers `wanted`, which ascend.
  private func forEach(
    _ wanted: ArraySlice<Int>, of shard: URL, _ body: (WalkedSample, ShardFile) throws -> Void
  ) throws {
    var walk = try ShardWalk(url: shard)
    var wanted = wanted
    while let next = wanted.first {
      guard let step = try walk.next() else {
        throw KelipError(
          "the shard has fewer samples than before", at: shard.path,
          hint: "it changed while it was being filtered: remove the output folder and start anew")
      }
      guard case .sample(let sample) = step, sample.ordinal == next else { continue }
      try body(sample, walk.file)
      wanted.removeFirst()
    }
  }

  private func output(
    _ sample: WalkedSample, _ file: ShardFile, _ measured: SampleMeasurement, key: String
  ) throws -> OutputSample {
    let picture = try file.bytes(sample.members.image)
    let caption = try rules.reduce(sample.caption(in: file)) { ($1 as? any CaptionRule)?.rewritten($0) ?? $0 }
    var metadata = SampleMetadata(try sample.members.metadata.map(file.bytes)).values
    // The key under which the sample was first met, through any number of filters.
    if metadata["original_key"] == nil { metadata["original_key"] = sample.key }
    metadata["key"] = key
    metadata["caption"] = caption
    metadata["language"] = CaptionLanguage.stored(measured.languageAfter).tag
    metadata["sha256"] = SHA256Hasher.hexString(CandidateReader.digest(picture))
    if measured.hasSimilarity == 1 {
      metadata["similarity"] = (Double(measured.similarity) * 10_000).rounded() / 10_000
    }
    return OutputSample(
      picture: picture, format: PictureFormat(picture) ?? .jpg, caption: caption, metadata: metadata)
  }
}
