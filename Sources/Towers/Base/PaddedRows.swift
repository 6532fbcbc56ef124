import Kernels

/// The rows of packed captions as a text tower computes them: extended to a multiple of 32, so that few shapes of matrix
/// product occur. Padding rows have id −1, are zero, and carry no gradient. They lie in the arena.
struct PaddedRows {
  /// R.
  let count: Int
  /// [R], −1 for padding.
  let ids: UnsafeMutablePointer<Int32>
  /// [R], a token's place in its caption.
  let position: UnsafeMutablePointer<Int32>

  /// Traps on ids outside the vocabulary and on captions that are empty or longer than the context.
  init(_ captions: PackedCaptions, vocabSize: Int, contextLength: Int, arena: Arena) {
    count = (captions.ids.count + 31) & ~31
    ids = arena.allocate(Int32.self, count)
    position = arena.allocate(Int32.self, count)
    ids.update(repeating: -1, count: count)
    position.update(repeating: 0, count: count)
    for (row, id) in captions.ids.enumerated() {
      precondition(id >= 0 && Int(id) < vocabSize, "token id outside the vocabulary")
      ids[row] = id
    }
    for caption in 0..<captions.count {
      let (start, end) = (captions.offsets[caption], captions.offsets[caption + 1])
      precondition(end > start && end - start <= contextLength, "caption longer than the context")
      for row in start..<end { position[Int(row)] = row - start }
    }
  }
}
