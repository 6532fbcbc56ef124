import Captions

/// Contrastive losses of pairs, summed by the language of their caption.
package struct LanguageLosses: BitwiseCopyable, Sendable {
  /// At the language's raw value.
  private var sums = SIMD4<Double>()
  private var counts = SIMD4<Double>()

  package init() {}

  package mutating func add(_ loss: Double, _ language: CaptionLanguage) {
    sums[Int(language.rawValue)] += loss
    counts[Int(language.rawValue)] += 1
  }

  package static func += (total: inout LanguageLosses, part: LanguageLosses) {
    total.sums += part.sums
    total.counts += part.counts
  }

  /// The mean of each language that has a pair: `contrastive_loss_ko`, `contrastive_loss_en`, `contrastive_loss_other`.
  package var terms: [(name: String, value: Double)] {
    CaptionLanguage.allCases.compactMap { language in
      let place = Int(language.rawValue)
      return counts[place] == 0
        ? nil : (name: Self.name(language), value: sums[place] / counts[place])
    }
  }

  private static func name(_ language: CaptionLanguage) -> String {
    "\(CropLosses.whole)_\(language.tag)"
  }
}
