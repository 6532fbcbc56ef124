import Foundation

/// A shard whose tail could not be read; the samples before the damage are in the index.
package struct ShardFault: Equatable, Sendable, CustomStringConvertible {
  package let shard: String
  package let fault: TarFault

  package var description: String { "\(shard): \(fault)" }
}

/// The samples of a list of shards: which there are, and where their members lie.
///
/// The index of a shard is a pure function of its bytes, so that it may as well be read from a file beside it.
package struct ShardIndex: Sendable {
  /// In the order of the list that was scanned.
  package let shards: [ShardTable]
  package let faults: [ShardFault]
  /// Groups of members that are no samples, by reason.
  package let rejectedCounts: [RejectedReason: Int]

  package var sampleCounts: [Int] { shards.map(\.count) }
  package var sampleCount: Int { shards.reduce(0) { $0 + $1.count } }

  /// One line for a log: how many samples, and what was left out why.
  package var summary: String {
    let rejected = RejectedReason.allCases.compactMap { reason in
      rejectedCounts[reason].map { "\($0) × \(reason.rawValue)" }
    }
    let damaged = faults.isEmpty ? [] : ["\(faults.count) damaged shards"]
    let leftOut = (rejected + damaged).joined(separator: ", ")
    return "\(sampleCount) samples in \(shards.count) shards"
      + (leftOut.isEmpty ? "" : "; left out: \(leftOut)")
  }

  /// Reads all headers of all shards, `threads` shards at a time.
  ///
  /// Damage is recorded in `faults`; a shard that cannot be opened or read is an error.
  package static func scan(_ urls: [URL], threads: Int = 1) throws -> ShardIndex {
    let scans = try concurrentMap(urls, threads: threads, transform: ShardScan.init(url:))
    return ShardIndex(
      shards: scans.map(\.table), faults: scans.compactMap(\.fault),
      rejectedCounts: scans.reduce(into: [:]) { $0.merge($1.rejectedCounts, uniquingKeysWith: +) })
  }
}

/// What walking one shard's headers gives.
struct ShardScan: Sendable {
  private(set) var table: ShardTable
  private(set) var fault: ShardFault?
  private(set) var rejectedCounts: [RejectedReason: Int] = [:]

  init(url: URL) throws {
    table = ShardTable(url: url)
    var reader = TarReader(file: try ShardFile(url: url))
    var grouper = SampleGrouper()
    do {
      while let entry = try reader.next() { record(grouper.take(entry)) }
    } catch let damage as TarFault {
      fault = ShardFault(shard: url.path, fault: damage)
    }
    record(grouper.finish())
    if let fault { table.removeLast { $0.extent.upperBound > fault.fault.soundEnd } }
  }

  private mutating func record(_ outcome: SampleGrouper.Outcome?) {
    switch outcome {
    case .sample(let key, let members): table.append(key: key, members)
    case .rejected(_, let reason): rejectedCounts[reason, default: 0] += 1
    case nil: break
    }
  }
}
