/// Captions with some of their tokens replaced by the mask token.
package struct MaskedTokens: Sendable, Equatable {
  /// The ids of all captions laid end to end, the mask token in place of the hidden ones.
  package private(set) var ids: [Int32]
  /// Where the hidden tokens stand in `ids`, ascending.
  package private(set) var places: [Int32]
  /// What they were.
  package private(set) var targets: [Int32]

  /// Draws for each caption; its first and last token, which frame it, always stay.
  ///
  /// - Parameters:
  ///   - ids: captions laid end to end, caption i at offsets[i] ..< offsets[i + 1].
  ///   - firstSlot: of the global batch: the slot of caption 0.
  package init(
    ids: [Int32], offsets: [Int32], maskID: Int32, draws: MaskDraws, step: Int, firstSlot: Int
  ) {
    (self.ids, places, targets) = (ids, [], [])
    for caption in 0..<offsets.count - 1 {
      let (start, end) = (Int(offsets[caption]), Int(offsets[caption + 1]))
      let inner = max(0, end - start - 2)
      for token in draws.tokens(step: step, slot: firstSlot + caption, candidateCount: inner) {
        let place = start + 1 + token
        places.append(Int32(place))
        targets.append(ids[place])
        self.ids[place] = maskID
      }
    }
  }
}
