import Captions

/// A shard's summary in bytes: a sidecar's head, and what ranks tell each other.
///
/// 8-byte words: bytes of the file, its modification time, the digest of its ends, bytes of the tar, samples, samples of
/// each language; then varints and texts: the fault (a byte 0, or 1, its reason, its offset and where what is sound ends), and for each reason of
/// rejection its name, its count and the first few keys; then, unless left out, pictures without a caption by language.
enum SummaryCoding {
  static func write(_ summary: ShardSummary, to writer: inout ByteWriter, captionless: Bool = true) {
    writer.word64(UInt64(summary.byteCount))
    writer.word64(UInt64(bitPattern: Int64(summary.modificationTime)))
    writer.word64(summary.identity.digest)
    writer.word64(UInt64(summary.tarByteCount))
    writer.word64(UInt64(summary.sampleCount))
    for count in summary.languageCounts { writer.word64(UInt64(count)) }
    writer.byte(summary.fault == nil ? 0 : 1)
    if let fault = summary.fault?.fault {
      writer.text(fault.reason.name)
      writer.varint(fault.offset)
      writer.word64(UInt64(fault.soundEnd))
    }
    let rejections = summary.rejections.sorted { $0.key.name < $1.key.name }
    writer.varint(rejections.count)
    for (reason, rejection) in rejections {
      writer.text(reason.name)
      writer.varint(rejection.count)
      writer.varint(rejection.keys.count)
      rejection.keys.forEach { writer.text($0) }
    }
    if captionless { summary.captionlessCounts.forEach { writer.word64(UInt64($0)) } }
  }

  static func read(
    _ reader: inout ByteReader, path: String, origin: ShardSummary.Origin, captionless: Bool = true
  ) throws(MalformedBytes) -> ShardSummary {
    let identity = ShardIdentity(
      byteCount: try reader.count64(), modificationTime: Int(Int64(bitPattern: try reader.word64())),
      digest: try reader.word64())
    let tarByteCount = try reader.count64()
    let sampleCount = try reader.count64()
    // A sample has a header at least, which bounds what is summed over shards.
    let most = tarByteCount / TarBlock.size
    let languageCounts = try counts(&reader, most: most)
    guard sampleCount <= most, tarByteCount < 1 << 48, languageCounts.reduce(0, +) == sampleCount else {
      throw MalformedBytes()
    }
    let fault = try fault(&reader, path)
    let rejections = try rejections(&reader)
    return ShardSummary(
      path: path, identity: identity, tarByteCount: tarByteCount, sampleCount: sampleCount,
      languageCounts: languageCounts,
      captionlessCounts: captionless ? try counts(&reader, most: most) : ShardSummary.noCounts,
      fault: fault, rejections: rejections, origin: origin)
  }

  private static func counts(_ reader: inout ByteReader, most: Int) throws(MalformedBytes) -> [Int] {
    var counts: [Int] = []
    for _ in CaptionLanguage.allCases { counts.append(try reader.count64()) }
    guard counts.allSatisfy({ $0 <= most }) else { throw MalformedBytes() }
    return counts
  }

  private static func fault(
    _ reader: inout ByteReader, _ path: String
  ) throws(MalformedBytes) -> ShardFault? {
    guard try reader.byte() != 0 else { return nil }
    let name = try reader.text()
    guard let reason = TarFault.Reason.allCases.first(where: { $0.name == name }) else {
      throw MalformedBytes()
    }
    let fault = TarFault(
      reason: reason, offset: try reader.varint(), soundEnd: try reader.count64())
    return ShardFault(shard: path, fault: fault)
  }

  private static func rejections(
    _ reader: inout ByteReader
  ) throws(MalformedBytes) -> [RejectedReason: ShardSummary.Rejection] {
    var rejections: [RejectedReason: ShardSummary.Rejection] = [:]
    for _ in 0..<(try reader.varint()) {
      let name = try reader.text()
      guard let reason = RejectedReason.allCases.first(where: { $0.name == name }) else {
        throw MalformedBytes()
      }
      var rejection = ShardSummary.Rejection(count: try reader.varint())
      for _ in 0..<(try reader.varint()) { rejection.keys.append(try reader.text()) }
      rejections[reason] = rejection
    }
    return rejections
  }
}

extension ShardSummary.Origin {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .sidecar: writer.byte(0)
    case .scan: writer.byte(1)
    case .scanInsteadOfSidecar(let reason):
      writer.byte(2)
      writer.text(reason)
    }
  }

  init(_ reader: inout ByteReader) throws(MalformedBytes) {
    switch try reader.byte() {
    case 0: self = .sidecar
    case 1: self = .scan
    case 2: self = .scanInsteadOfSidecar(try reader.text())
    default: throw MalformedBytes()
    }
  }
}
