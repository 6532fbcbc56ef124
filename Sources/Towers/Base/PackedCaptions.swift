/// Captions laid end to end without padding: caption i is ids[offsets[i] ..< offsets[i + 1]], `[SOT] … [EOT]`.
package struct PackedCaptions: Sendable {
  /// Token ids of all captions.
  package var ids: [Int32]
  /// B + 1 places in `ids`, from 0 to its count.
  package var offsets: [Int32]

  /// Traps when `offsets` do not span `ids`.
  package init(ids: [Int32], offsets: [Int32]) {
    precondition(offsets.first == 0 && offsets.last == Int32(ids.count))
    (self.ids, self.offsets) = (ids, offsets)
  }

  /// B, the number of captions.
  package var count: Int { offsets.count - 1 }

  /// Captions `range` of these.
  package func slice(_ range: Range<Int>) -> PackedCaptions {
    let (start, end) = (offsets[range.lowerBound], offsets[range.upperBound])
    return PackedCaptions(
      ids: Array(ids[Int(start)..<Int(end)]),
      offsets: offsets[range.lowerBound...range.upperBound].map { $0 - start })
  }
}
