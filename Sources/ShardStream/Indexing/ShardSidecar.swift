import Basics
import Foundation

/// Why a sidecar cannot be used; the shard is then read as if it had none.
package enum SidecarFault: Error, Equatable, CustomStringConvertible {
  /// Cut off, altered, or no sidecar at all.
  case damaged
  case otherVersion(Int)
  case shardChanged
  /// It cannot be read: the system's words.
  case unreadable(String)

  package var description: String {
    switch self {
    case .damaged: "the index is damaged"
    case .otherVersion(let version):
      "the index has format \(version), this program reads \(ShardSidecar.version)"
    case .shardChanged: "the shard has changed since it was indexed"
    case .unreadable(let message): "the index cannot be read: \(message)"
    }
  }
}

/// The file `SHARD.kelip-index`, which says what walking the shard's headers would give.
///
/// Of a shard in which every picture has a caption the format is 1, of others 2: format 1 passes pictures without a
/// caption over.
///
/// Words are little-endian. Head: 8 bytes `KELIPIDX`, 4 version, 4 bytes of the head, 8 bytes of the table, 8 digest of
/// the table, the summary (`SummaryCoding`), 8 digest of the head up to here. Then the table (`TableCoding`). A digest is
/// the beginning of a SHA-256. The head has 4 KiB at most, so that one read gives the summary.
package struct ShardSidecar {
  /// Of the format, and of what is put in it: the language rule, too.
  package static let version = 2
  private static let versionOfPairs = 1
  private static let magic = Array("KELIPIDX".utf8)
  private static let preambleLength = 32
  private static let largestHead = 4096

  package let summary: ShardSummary
  /// Whether pictures without a caption are told.
  private let knowsCaptionless: Bool
  private let headLength: Int
  private let tableLength: Int
  private let tableDigest: UInt64

  package var byteCount: Int { headLength + tableLength }

  /// The head of the sidecar at `path`, or nil where there is none.
  ///
  /// - Parameter shard: the shard that it should belong to, and its present identity.
  package init?(path: String, shard: String, identity: ShardIdentity) throws(SidecarFault) {
    guard access(path, F_OK) == 0 else { return nil }
    let (head, fileLength) = try Self.unreadableAsFault {
      let file = try PositionalFile(path: path)
      return (try file.bytes(at: 0, count: Self.largestHead), file.size)
    }
    try self.init(head: head, fileLength: fileLength, shard: shard)
    guard summary.identity == identity else { throw .shardChanged }
  }

  private init(head: [UInt8], fileLength: Int, shard: String) throws(SidecarFault) {
    let parsed: Result<ShardSidecar, any Error> = head.withUnsafeBytes { bytes in
      Result { try ShardSidecar(parsing: bytes, fileLength: fileLength, shard: shard) }
    }
    switch parsed {
    case .success(let sidecar): self = sidecar
    case .failure(let error): throw error as? SidecarFault ?? .damaged
    }
  }

  private init(parsing bytes: UnsafeRawBufferPointer, fileLength: Int, shard: String) throws {
    var reader = ByteReader(bytes)
    guard try reader.take(Self.magic.count).elementsEqual(Self.magic) else { throw SidecarFault.damaged }
    let version = Int(try reader.word32())
    guard (Self.versionOfPairs...Self.version).contains(version) else {
      throw SidecarFault.otherVersion(version)
    }
    headLength = Int(try reader.word32())
    tableLength = try reader.count64()
    tableDigest = try reader.word64()
    guard headLength >= Self.preambleLength + 8, headLength <= bytes.count,
      tableLength == fileLength - headLength
    else { throw SidecarFault.damaged }
    var tail = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[(headLength - 8)..<headLength]))
    let hashed = UnsafeRawBufferPointer(rebasing: bytes[..<(headLength - 8)])
    guard try tail.word64() == ShardIdentity.digest(hashed) else { throw SidecarFault.damaged }
    var body = ByteReader(UnsafeRawBufferPointer(rebasing: hashed[Self.preambleLength...]))
    let hasCounts = version != Self.versionOfPairs
    summary = try SummaryCoding.read(&body, path: shard, origin: .sidecar, captionless: hasCounts)
    knowsCaptionless = hasCounts || summary.rejections[.missingText] == nil
    guard body.remaining == 0 else { throw SidecarFault.damaged }
  }

  /// Throws where the samples of this kind cannot be told.
  package func require(_ kind: SampleKind) throws(SidecarFault) {
    guard kind == .pairs || knowsCaptionless else { throw .otherVersion(Self.versionOfPairs) }
  }

  private static func unreadableAsFault<T>(_ body: () throws -> T) throws(SidecarFault) -> T {
    do { return try body() } catch let error as KelipError { throw .unreadable(error.message) } catch {
      throw .unreadable("\(error)")
    }
  }

  /// Reads and checks the table that belongs to this head: every picture, with or without a caption.
  package func table(path: String) throws(SidecarFault) -> ShardTable {
    let bytes = try Self.unreadableAsFault {
      try PositionalFile(path: path).bytes(at: headLength, count: tableLength)
    }
    let result: ShardTable? = bytes.withUnsafeBytes { bytes in
      guard bytes.count == tableLength, ShardIdentity.digest(bytes) == tableDigest else { return nil }
      var reader = ByteReader(bytes)
      return try? TableCoding.read(
        &reader, count: summary.sampleCount + summary.captionlessCounts.reduce(0, +),
        tarByteCount: summary.tarByteCount)
    }
    guard let result, result.captionlessLanguageCounts == summary.captionlessCounts,
      result.restricted(to: .pairs).languageCounts == summary.languageCounts
    else { throw .damaged }
    return result
  }

  /// The bytes of the sidecar for what a scan gave.
  ///
  /// - Parameter ofPairs: pictures without a caption are passed over; where there are none unless told.
  static func encode(_ scan: ShardScan, ofPairs: Bool? = nil) -> [UInt8] {
    let isOfPairs = ofPairs ?? (scan.summary.rejections[.missingText] == nil)
    var table = ByteWriter()
    TableCoding.write(scan.table.restricted(to: isOfPairs ? .pairs : .pictures), to: &table)
    var summary = ByteWriter()
    SummaryCoding.write(scan.summary, to: &summary, captionless: !isOfPairs)
    let headLength = preambleLength + summary.bytes.count + 8
    precondition(headLength <= largestHead, "a head of \(headLength) bytes")
    var head = ByteWriter()
    head.raw(magic)
    head.word32(UInt32(isOfPairs ? versionOfPairs : version))
    head.word32(UInt32(headLength))
    head.word64(UInt64(table.bytes.count))
    head.word64(table.bytes.withUnsafeBytes(ShardIdentity.digest))
    head.raw(summary.bytes)
    head.word64(head.bytes.withUnsafeBytes(ShardIdentity.digest))
    return head.bytes + table.bytes
  }
}
