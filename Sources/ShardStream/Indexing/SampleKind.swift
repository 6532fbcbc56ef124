import Captions

/// What of a shard counts as a sample.
package enum SampleKind: Sendable, Equatable {
  /// Pictures with a caption.
  case pairs
  /// Every picture, whether it has a caption or not: for what learns from pictures alone.
  case pictures
}

extension ShardSummary {
  static let noCounts = [Int](repeating: 0, count: CaptionLanguage.allCases.count)

  /// The summary for a run that takes samples of this kind.
  func restricted(to kind: SampleKind) -> ShardSummary {
    let captionless = captionlessCounts.reduce(0, +)
    guard kind == .pictures, captionless > 0 else { return self }
    var rejections = rejections
    rejections[.missingText]?.count -= captionless
    if rejections[.missingText]?.count == 0 { rejections[.missingText] = nil }
    return ShardSummary(
      path: path, identity: identity, tarByteCount: tarByteCount, sampleCount: sampleCount + captionless,
      languageCounts: zip(languageCounts, captionlessCounts).map(+), captionlessCounts: Self.noCounts,
      fault: fault, rejections: rejections, origin: origin)
  }
}
