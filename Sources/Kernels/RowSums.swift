/// sums[S] = what `part` makes of pieces of R rows, added up in their order. The pieces are the same for any number of
/// workers.
///
/// - Parameters:
///   - columns: elements of a row.
///   - width: S, sums of a piece; nil: one a column.
///   - part: writes the sums of its rows.
func sumOverRows(
  _ rows: Int, columns: Int, width: Int? = nil, into sums: UnsafeMutablePointer<Double>, arena: Arena,
  part: (_ rows: Range<Int>, _ sums: UnsafeMutablePointer<Double>) -> Void
) {
  let width = width ?? columns
  // Blocks that a batch norm's loops sum in 32 bits; pieces of no less than what makes up for waking a thread.
  let (block, most) = (64, 16)
  let least = max(rows / most, WorkerPool.worthSharing / max(1, columns))
  let size = (least / block + 1) * block
  let count = (rows + size - 1) / size
  guard count > 1 else { return part(0..<rows, sums) }
  arena.scratch {
    let parts = arena.allocate(Double.self, count * width)
    WorkerPool.forEach(count) { piece, _ in
      part(piece * size..<min(rows, (piece + 1) * size), parts + piece * width)
    }
    for c in 0..<width { sums[c] = parts[c] }
    for piece in 1..<count {
      let part = parts + piece * width
      for c in 0..<width { sums[c] += part[c] }
    }
  }
}
