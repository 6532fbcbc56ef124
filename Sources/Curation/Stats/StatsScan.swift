import Basics
import Captions
import Foundation
import Imaging
import ShardStream
import Tokenization

/// Takes the statistics of one shard. Pictures are not decoded: their headers are read.
struct StatsScan: Sendable {
  /// Far more than any caption of a mebibyte has.
  private static let longestCaption = 1 << 24
  private static let headerLength = 1 << 15
  /// Pixels; larger than anything that is trained on, so that the sizes of what is too large are seen too.
  private static let largestPicture = 1 << 32

  let tokenizer: (any CaptionEncoder)?
  let seed: UInt64
  let samplesPerLanguage: Int

  /// A shard that cannot be opened or read is a `KelipError`; damage within it is counted.
  func statistics(of url: URL, number: Int) throws -> DataStatistics {
    var statistics = DataStatistics()
    var walk = try ShardWalk(url: url)
    while let step = try walk.next() {
      switch step {
      case .sample(let sample): try add(sample, of: walk, shard: number, to: &statistics)
      case .rejected(_, let reason): statistics.count(.rejected, reason.reasonName)
      case .fault(let fault): statistics.count(.damaged, fault.reasonName)
      }
    }
    statistics.shardCount = 1
    statistics.byteCount = walk.file.size
    statistics.measure(.samplesPerShard, statistics.sampleCount)
    return statistics
  }

  private func add(
    _ sample: WalkedSample, of walk: ShardWalk, shard: Int, to statistics: inout DataStatistics
  ) throws {
    statistics.sampleCount += 1
    let priority = Hashing.combine(seed, UInt64(shard), UInt64(sample.ordinal))
    let caption = try addCaption(sample, of: walk, priority: priority, to: &statistics)
    let note = try addImage(sample, of: walk, to: &statistics)
    let language = CaptionLanguage.ofSample(metadata: try metadata(of: sample, walk), caption: caption)
    statistics.count(.language, language.tag)
    let picked = PickedSample(
      shard: shard, key: sample.key, image: sample.members.image,
      caption: String((caption ?? "(no caption)").prefix(200)), note: note)
    statistics.picked[language.tag, default: EvenSample(capacity: samplesPerLanguage)]
      .add(picked, priority: priority)
  }

  private func metadata(of sample: WalkedSample, _ walk: ShardWalk) throws -> [UInt8]? {
    do {
      return try sample.members.metadata.map(walk.bytes)
    } catch is SampleFault {
      return nil
    }
  }

  private func addCaption(
    _ sample: WalkedSample, of walk: ShardWalk, priority: UInt64, to statistics: inout DataStatistics
  ) throws -> String? {
    do {
      let caption = try walk.caption(sample)
      statistics.measure(.captionCharacters, caption.unicodeScalars.count)
      if let tokenizer {
        let ids = tokenizer.encodeCaption(caption, contextLength: Self.longestCaption)
        statistics.measure(.captionTokens, ids.count)
      }
      statistics.captions.add(caption)
      if statistics.occurrences.hasPlace(for: priority) {
        statistics.occurrences.add(DistinctTexts.beginning(of: caption), priority: priority)
      }
      return caption
    } catch let fault as SampleFault {
      statistics.count(.badCaption, fault.reason)
      return nil
    }
  }

  /// Returns the size for people, or what is wrong.
  private func addImage(
    _ sample: WalkedSample, of walk: ShardWalk, to statistics: inout DataStatistics
  ) throws -> String {
    let range = sample.members.image
    statistics.measure(.imageBytes, range.size)
    do {
      let header = try Self.header(of: range, in: walk.file)
      let (width, height) = header.uprightSize
      statistics.count(.format, header.format.rawValue)
      statistics.measure(.imageWidth, width)
      statistics.measure(.imageHeight, height)
      statistics.measure(.imageAspect, (width * DataMeasure.imageAspect.scale + height / 2) / height)
      statistics.measure(.imagePixels, width * height)
      return "\(width) × \(height)"
    } catch let fault as ImageFault {
      statistics.count(.badImage, fault.reason)
      return fault.reason
    } catch let fault as TarFault {
      statistics.count(.badImage, fault.reasonName)
      return fault.reasonName
    }
  }

  /// From the file's beginning; from all of it where profiles or thumbnails push the size far back, and where the
  /// format tells only of a whole file.
  private static func header(of range: MemberRange, in file: ShardFile) throws -> ImageHeader {
    let start = min(range.size, headerLength)
    do {
      return try header(in: file.bytes(at: range.offset, count: start))
    } catch ImageFault.truncated where start < range.size {
      return try header(in: file.bytes(at: range.offset, count: range.size))
    }
  }

  private static func header(in bytes: [UInt8]) throws -> ImageHeader {
    try bytes.withUnsafeBytes { try ImageHeader.read($0, maxPixels: largestPicture) }
  }
}
