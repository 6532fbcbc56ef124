import Captions

extension SampleSource {
  /// Where a draw of the order lies; `language` is its component's.
  package func sample(_ draw: SampleDraw, language: CaptionLanguage?) throws -> SampleID {
    try sample(shard: draw.shard, language: language, ordinal: draw.ordinal)
  }
}
