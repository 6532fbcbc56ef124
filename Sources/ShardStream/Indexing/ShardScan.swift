import Captions
import Foundation

/// What walking one shard's headers gives: a pure function of its bytes.
///
/// The table holds pictures without a caption too; the summary counts them apart and among what is rejected.
struct ShardScan: Sendable {
  private(set) var table = ShardTable()
  private(set) var summary: ShardSummary

  /// Damage is told in the summary; a shard that cannot be opened or read is an error.
  init(path: String, origin: ShardSummary.Origin = .scan) throws {
    let identity = try ShardIdentity(path: path)
    let file = try ShardFile(url: URL(fileURLWithPath: path, isDirectory: false))
    var walk = Walk(file: file)
    var fault: ShardFault?
    do {
      try walk.run()
    } catch let damage as TarFault {
      fault = ShardFault(shard: path, fault: damage)
    }
    walk.finish(soundEnd: fault?.fault.soundEnd ?? .max)
    table = walk.table
    summary = ShardSummary(
      path: path, identity: identity, tarByteCount: walk.end,
      sampleCount: table.count - table.captionlessCount,
      languageCounts: table.restricted(to: .pairs).languageCounts,
      captionlessCounts: table.captionlessLanguageCounts, fault: fault, rejections: walk.rejections,
      origin: origin)
  }

  /// Groups entries into samples and tells their language as it goes, so that a tar is read from front to back.
  private struct Walk {
    var table = ShardTable()
    /// Where the last member ends.
    var end = 0
    var rejections: [RejectedReason: ShardSummary.Rejection] = [:]
    private var reader: TarReader
    private var grouper = SampleGrouper(needsText: false)
    private var evidence = LanguageEvidence()

    init(file: ShardFile) {
      reader = TarReader(file: file)
    }

    mutating func run() throws {
      while let entry = try reader.next() {
        end = entry.offset + entry.size
        record(grouper.take(entry))
        try evidence.take(entry, from: &reader)
      }
    }

    /// - Parameter soundEnd: samples that reach beyond are lost, though their headers could be read.
    mutating func finish(soundEnd: Int) {
      record(grouper.finish())
      table.removeLast { $0.extent.upperBound > soundEnd }
    }

    private mutating func record(_ outcome: SampleGrouper.Outcome?) {
      guard let outcome else { return }
      switch outcome {
      case .sample(let key, let members):
        if members.text == nil { rejections[.missingText, default: .init()].add(key) }
        if table.hasRoom(for: key.utf8) {
          table.append(key: key.utf8, members, evidence.language)
        } else if members.text != nil {
          rejections[.keyTooLong, default: .init()].add(key)
        }
      case .rejected(let key, let reason): rejections[reason, default: .init()].add(key)
      }
      evidence = LanguageEvidence()
    }
  }
}

/// What the members of one sample say about its caption's language.
private struct LanguageEvidence {
  private static let largestMember = 1 << 20
  private static let needle = Data(#""language""#.utf8)

  private var tagged: CaptionLanguage?
  private var caption: String?

  /// The metadata's word, else what the caption looks like; a caption that cannot be read is in no language.
  var language: CaptionLanguage { tagged ?? caption.map(CaptionLanguage.detect) ?? .other }

  mutating func take(_ entry: TarEntry, from reader: inout TarReader) throws {
    guard entry.size <= Self.largestMember, !entry.isSparse, let name = SampleName(path: entry.name) else {
      return
    }
    switch name.fileExtension {
    case "txt": caption = try? SampleReader.caption(try reader.data(of: entry))
    case "json": tagged = Self.tag(try reader.data(of: entry))
    default: break
    }
  }

  /// Parsing costs more than all the rest of a scan, and most metadata has no language: look first.
  private static func tag(_ json: [UInt8]) -> CaptionLanguage? {
    let json = Data(json)
    guard json.range(of: needle) != nil,
      let object = try? JSONSerialization.jsonObject(with: json) as? [String: Any]
    else { return nil }
    return (object["language"] as? String).flatMap(CaptionLanguage.init(tag:))
  }
}
