import Basics
import Foundation
import Imaging
import ShardStream

/// Checks one shard from its first header to its end.
struct ShardVerification: Sendable {
  let options: DataVerification.Options
  let records: DownloadRecords

  /// Whatever is wrong is in the verdict: also a shard that cannot be opened.
  ///
  /// - Parameter keys: takes every sample's key.
  func verdict(on url: URL, keys: inout DistinctTexts) -> ShardVerdict {
    var verdict = ShardVerdict()
    do {
      var walk = try ShardWalk(url: url)
      verdict.byteCount = walk.file.size
      var index = IndexComparison(shard: url, place: options.indexPlace)
      while let step = try walk.next() {
        if case .sample(let sample) = step { index.take(sample) }
        try take(step, of: walk, &verdict, &keys)
      }
      checkRecord(of: url, &verdict)
      if let (reason, detail) = index.fault {
        verdict.add(VerifyFinding(shard: url.path, reason: reason, detail: detail))
      }
    } catch {
      verdict.isDamaged = true
      let detail = (error as? KelipError)?.message ?? "\(error)"
      verdict.add(VerifyFinding(shard: url.path, reason: "shard_unreadable", detail: detail))
    }
    return verdict
  }

  private func take(
    _ step: ShardWalk.Step, of walk: ShardWalk, _ verdict: inout ShardVerdict, _ keys: inout DistinctTexts
  ) throws {
    let shard = walk.file.url.path
    switch step {
    case .sample(let sample):
      verdict.sampleCount += 1
      keys.add(sample.key)
      if let fault = try fault(of: sample, walk) {
        verdict.badCount += 1
        verdict.add(
          VerifyFinding(
            shard: shard, key: sample.key, reason: fault.reason, detail: Self.detail(of: fault)))
      }
    case .rejected(let key, let reason):
      verdict.rejectedCount += 1
      verdict.add(VerifyFinding(shard: shard, key: key, reason: reason.reasonName))
    case .fault(let fault):
      verdict.isDamaged = true
      verdict.add(VerifyFinding(shard: shard, reason: fault.reasonName, detail: "\(fault)"))
    }
  }

  /// What training would replace the sample for; nil for a good one, and when nothing is to be decoded.
  private func fault(of sample: WalkedSample, _ walk: ShardWalk) throws -> SampleFault? {
    guard options.decodes else { return nil }
    do {
      _ = try walk.caption(sample)
      _ = try walk.image(sample, maxPixels: options.maxPixels, size: options.imageSize)
      return nil
    } catch let fault as SampleFault {
      return fault
    }
  }

  private static func detail(of fault: SampleFault) -> String {
    switch fault {
    case .image(let image): "\(image)" == image.reason ? "" : "\(image)"
    case .imageTooElongated(let width, let height): "\(width)×\(height)"
    case .captionTooLarge(let bytes): "\(bytes) bytes"
    default: ""
    }
  }

  private func checkRecord(of url: URL, _ verdict: inout ShardVerdict) {
    let found = verdict.sampleCount + verdict.rejectedCount
    switch records.record(of: url) {
    case .missing:
      verdict.add(
        VerifyFinding(
          shard: url.path, reason: "shard_incomplete",
          detail: "no _stats.json, which other shards of the folder have: its download did not end"))
    case .unreadable:
      verdict.add(
        VerifyFinding(shard: url.path, reason: "stats_unreadable", detail: "no successes in its _stats.json"))
    case .successes(let count) where count != found && !verdict.isDamaged:
      verdict.add(
        VerifyFinding(
          shard: url.path, reason: "stats_count_differs",
          detail: "\(found) samples, \(count) by its _stats.json"))
    case .notUsed, .successes: return
    }
    verdict.isDamaged = true
  }
}
