import Basics
import Collectives
import Foundation
import ShardStream

/// What `kelip data import` is asked to do.
package struct ImportOptions: Sendable {
  package enum Origin: Sendable {
    case folder(URL)
    case table(URL)
    case shards([URL])
  }

  package var origin: Origin
  package var output: URL
  package var columns = TableColumns()
  package var members = MemberNames()
  package var maxSide: Int?
  package var allowsOutside = false
  package var samplesPerShard = 10_000
  /// Whether the shards are `.tar.zst`.
  package var isCompressed = false
  package var didWrite: @Sendable (String) throws -> Void = { _ in }

  package init(_ origin: Origin, output: URL) {
    self.origin = origin
    self.output = output
  }
}

/// What an import made, and what it left out.
package struct ImportReport: Codable, Equatable, Sendable {
  package var rows: Int
  package var samples: Int
  package var shards: Int
  package var skipped: [String: Int]
}

/// Makes shards of pictures with captions: output shard s has rows s · n to (s + 1) · n less those that make no sample. So
/// any rank can write any shard, and a stopped import goes on with the next.
package struct ImportRun {
  static let reportName = "import.json"

  private let options: ImportOptions
  private let communicator: any Communicator
  private let work: WorkFolder

  package init(_ options: ImportOptions, communicator: any Communicator) {
    self.options = options
    self.communicator = communicator
    work = WorkFolder(output: options.output, didWrite: options.didWrite)
  }

  /// - Returns: the report, the same on every rank.
  package func run() throws -> ImportReport {
    _ = try communicator.onLeader { try work.begin(plan: try plan(), command: "import") }
    if let report = try finishedReport() { return report }
    let source = try source()
    let count = (source.count + options.samplesPerShard - 1) / options.samplesPerShard
    let names = ShardSet(
      samplesPerShard: options.samplesPerShard, shardCount: count, isCompressed: options.isCompressed)
    try communicator.agree {
      for shard in stride(from: communicator.rank, to: count, by: communicator.worldSize)
      where !work.exists(tallyFile(shard)) {
        try write(shard, of: source, as: names)
      }
    }
    return try finish(shards: count)
  }

  private func finishedReport() throws -> ImportReport? {
    try work.finishedReport(Self.reportName, communicator).map {
      try JSONDecoder().decode(ImportReport.self, from: $0)
    }
  }

  private func plan() throws -> String {
    var lines = ["kelip data import 1"]
    switch options.origin {
    case .folder(let url): lines.append("folder \(url.path)")
    case .table(let url): lines.append("table \(try FileDigest.identity(url))")
    case .shards(let urls): lines += try urls.map { "shard \(try FileDigest.identity($0))" }
    }
    lines += [
      "\(options.columns)", "\(options.members)", "max_side: \(options.maxSide ?? 0)",
      "allow_outside: \(options.allowsOutside)", "samples_per_shard: \(options.samplesPerShard)",
      "zstd: \(options.isCompressed)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: - Rows

  private func source() throws -> any ImportSource {
    switch options.origin {
    case .shards(let urls):
      let counts = try communicator.dealt(urls.count) { try ShardSource.count(urls[$0]) }
      return ShardSource(urls, members: options.members, counts: counts)
    case .table(let url):
      let offsets = try offsets {
        try TableSource.scan(url, columns: options.columns, stride: options.samplesPerShard)
      }
      return try communicator.agree { try TableSource(url, columns: options.columns, offsets: offsets) }
    case .folder(let url):
      let list = work.folder.appendingPathComponent("pictures")
      let offsets = try offsets {
        if !work.exists(list) { try FolderSource.writeList(of: url, columns: options.columns, to: list) }
        return try FolderSource.scan(list, stride: options.samplesPerShard)
      }
      return FolderSource(list: list, offsets: offsets)
    }
  }

  /// What the leader finds, or has found before, for every rank.
  private func offsets(_ find: () throws -> RowOffsets) throws -> RowOffsets {
    let file = work.folder.appendingPathComponent("offsets")
    let bytes = try communicator.onLeader {
      if work.exists(file) { return Array(try work.read(file)) }
      let data = try JSONEncoder.stable.encode(try find())
      try work.write(data, to: file)
      return Array(data)
    }
    return try JSONDecoder().decode(RowOffsets.self, from: Data(communicator.broadcastBytes(bytes ?? [])))
  }

  private var files: ImportFiles {
    let root =
      switch options.origin {
      case .folder(let url): url
      case .table(let url): url.deletingLastPathComponent()
      case .shards: options.output
      }
    return ImportFiles(root: root, allowsOutside: options.allowsOutside)
  }

  // MARK: - Shards

  /// What became of one shard's rows, written after the shard: where it lies the shard is done.
  private struct Tally: Codable {
    var samples = 0
    var skipped: [Skipped] = []

    struct Skipped: Codable {
      var row: Int
      var source: String
      var reason: String
    }
  }

  private func tallyFile(_ shard: Int) -> URL {
    work.folder.appendingPathComponent("imported-\(shard.padded(to: 6))")
  }

  private func write(_ shard: Int, of source: any ImportSource, as names: ShardSet) throws {
    let rows = shard * options.samplesPerShard..<min(source.count, (shard + 1) * options.samplesPerShard)
    let reader = RowReader(files: files, maxSide: options.maxSide)
    let file = work.result(names.shardName(shard))
    let tar = try TarWriter(path: file.path)
    var tally = Tally()
    try source.forEach(in: rows) { number, row in
      do {
        let key = names.key(shard: shard, sample: number - rows.lowerBound)
        let row = try row.mapError { $0 as any Error }.get()
        do {
          try reader.sample(row, key: key).write(to: tar, key: key)
          tally.samples += 1
        } catch let fault as ImportFault {
          throw NamedFault(name: row.name, fault: fault)
        }
      } catch let fault as NamedFault {
        tally.skipped.append(.init(row: number, source: fault.name, reason: fault.fault.rawValue))
      }
    }
    try tar.finish()
    try options.didWrite(file.lastPathComponent)
    try work.write(try JSONEncoder.stable.encode(tally), to: tallyFile(shard))
  }

  /// Adds up; the leader writes `skipped.jsonl` and, last, the report.
  private func finish(shards: Int) throws -> ImportReport {
    let samples = try communicator.dealt(shards) { try tally($0).samples }.reduce(0, +)
    let skipped = try communicator.onLeader { try writeSkipped(shards: shards) } ?? [:]
    let shared = try communicator.broadcastBytes(Array(JSONEncoder.stable.encode(skipped)))
    let counts = try JSONDecoder().decode([String: Int].self, from: Data(shared))
    let report = ImportReport(
      rows: samples + counts.values.reduce(0, +), samples: samples, shards: shards, skipped: counts)
    _ = try communicator.onLeader {
      try work.write(
        try JSONEncoder.stable.encode(report) + [UInt8(ascii: "\n")], to: work.result(Self.reportName))
      try work.end()
    }
    return report
  }

  private func tally(_ shard: Int) throws -> Tally {
    try JSONDecoder().decode(Tally.self, from: try work.read(tallyFile(shard)))
  }

  private func writeSkipped(shards: Int) throws -> [String: Int] {
    let partial = work.folder.appendingPathComponent("skipped")
    let file = try OutputFile(partial)
    var counts: [String: Int] = [:]
    for shard in 0..<shards {
      for skipped in try tally(shard).skipped {
        counts[skipped.reason, default: 0] += 1
        try file.write(try JSONEncoder.stable.encode(skipped) + [UInt8(ascii: "\n")])
      }
    }
    try file.finish()
    try AtomicFile.move(partial, to: work.result("skipped.jsonl"))
    return counts
  }
}

extension ImportReport: CustomStringConvertible {
  package var description: String {
    let lines = [
      "\(samples.digitGrouped) samples of \(rows.digitGrouped) rows in \(shards.digitGrouped) shards"
    ]
    return
      (lines + skipped.sorted { $0.key < $1.key }.map { "  skipped: \($0.value.digitGrouped) × \($0.key)" })
      .joined(separator: "\n")
  }
}
