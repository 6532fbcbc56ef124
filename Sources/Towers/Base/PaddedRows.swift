/// The rows of packed captions as a text tower computes them: extended to a multiple of 32, so that few shapes of matrix
/// product occur. Padding rows have id −1, are zero, and carry no gradient.
struct PaddedRows {
  /// [R], −1 for padding.
  var ids: [Int32]
  /// [R], a token's place in its caption.
  var position: [Int32]

  /// Traps on ids outside the vocabulary and on captions that are empty or longer than the context.
  init(_ captions: PackedCaptions, vocabSize: Int, contextLength: Int) {
    let rows = (captions.ids.count + 31) & ~31
    ids = captions.ids
    for id in ids { precondition(id >= 0 && Int(id) < vocabSize, "token id outside the vocabulary") }
    ids.append(contentsOf: repeatElement(-1, count: rows - ids.count))
    position = [Int32](repeating: 0, count: rows)
    for caption in 0..<captions.count {
      let (start, end) = (captions.offsets[caption], captions.offsets[caption + 1])
      precondition(end > start && end - start <= contextLength, "caption longer than the context")
      for row in start..<end { position[Int(row)] = row - start }
    }
  }

  /// R.
  var count: Int { ids.count }
}
