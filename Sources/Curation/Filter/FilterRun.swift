import Basics
import Collectives
import Foundation
import Imaging
import ShardStream

/// What `kelip data filter` is asked to do.
package struct FilterOptions: Sendable {
  package var shards: [URL]
  package var output: URL
  package var samplesPerShard: Int
  /// Whether the new shards are `.tar.zst`.
  package var isCompressed = false
  /// Decode threads of this rank.
  package var threads: Int
  /// The font file of the report's picture.
  package var font: String
  package var didWrite: @Sendable (String) throws -> Void

  package init(
    shards: [URL], output: URL, samplesPerShard: Int = 10_000, threads: Int = 1, font: String,
    didWrite: @escaping @Sendable (String) throws -> Void = { _ in }
  ) {
    precondition(samplesPerShard > 0)
    self.shards = shards
    self.output = output
    self.samplesPerShard = samplesPerShard
    self.threads = threads
    self.font = font
    self.didWrite = didWrite
  }
}

/// Makes new shards of the samples that rules leave, in three passes that can be stopped at any time and go on when the
/// same command is given again. The bytes of the result do not depend on the number of ranks.
package struct FilterRun {
  private let rules: FilterRules
  private let options: FilterOptions
  private let countTokens: (@Sendable (String) -> Int)?
  private let scorer: (any PairScorer)?
  private let communicator: any Communicator
  private let work: WorkFolder

  /// - Parameters:
  ///   - countTokens: of a caption, with the rules' tokenizer.
  ///   - scorer: the rules' model.
  package init(
    _ rules: FilterRules, _ options: FilterOptions, countTokens: (@Sendable (String) -> Int)? = nil,
    scorer: (any PairScorer)? = nil, communicator: any Communicator
  ) {
    self.rules = rules
    self.options = options
    self.countTokens = countTokens
    self.scorer = scorer
    self.communicator = communicator
    work = WorkFolder(output: options.output, didWrite: options.didWrite)
  }

  /// - Returns: the report, the same on every rank.
  package func run() throws -> FilterReport {
    try begin()
    if let report = try finishedReport() { return report }
    try measure()
    let measurements = options.shards.indices.map(work.measurement)
    var corpus = try Corpus(measurements: measurements, communicator: communicator)
    let corpusDrops = try CorpusPass(rules: rules.rules, work: work, communicator: communicator).run(&corpus)
    let shardCount = try FilterOutput(
      rules: rules.rules, shards: options.shards, work: work, samplesPerShard: options.samplesPerShard,
      isCompressed: options.isCompressed, communicator: communicator
    ).run(corpus)
    let report = try FilterReport(
      rules.rules, corpus, corpusDrops: corpusDrops, shards: options.shards, shardCount: shardCount,
      countsTokens: countTokens != nil, communicator: communicator)
    _ = try communicator.onLeader {
      try report.write(to: work, rules: rules.rules, font: try FontFace(path: options.font))
      try work.end()
    }
    return report
  }

  private func begin() throws {
    _ = try communicator.onLeader {
      // What would end the last pass ends the first.
      _ = try FontFace(path: options.font)
      try work.begin(plan: try plan(), command: "filter")
    }
  }

  /// Of a command that had been through before.
  private func finishedReport() throws -> FilterReport? {
    try work.finishedReport(FilterReport.jsonName, communicator).map(FilterReport.init(json:))
  }

  private func measure() throws {
    let measurer = ShardMeasurer(
      rules: rules.rules,
      reader: CandidateReader(
        needs: rules.needs, maxPixels: rules.maxPixels, preparation: scorer?.preparation,
        countTokens: countTokens),
      scorer: scorer, threads: options.threads)
    try communicator.agree {
      for shard in stride(from: communicator.rank, to: options.shards.count, by: communicator.worldSize) {
        let file = work.measurement(shard)
        guard !work.exists(file) else { continue }
        try measurer.measure(options.shards[shard], into: file)
        try work.didWrite(file.lastPathComponent)
      }
    }
  }

  /// Everything that the result depends on, a line each.
  private func plan() throws -> String {
    var lines = [
      "kelip data filter 1", rules.description, "samples_per_shard: \(options.samplesPerShard)",
      "zstd: \(options.isCompressed)",
    ]
    for path in rules.files { lines.append("\(path) sha256 \(try FileDigest.hex(path))") }
    for shard in options.shards { lines.append(try FileDigest.identity(shard)) }
    return lines.joined(separator: "\n") + "\n"
  }
}
