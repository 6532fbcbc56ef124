import Basics
import CKernels

/// y[s] = the mean of rows offsets[s] ..< offsets[s + 1] of x[R, C], in 32-bit sums; no sequence may be empty.
package func sequenceMeansForward<S: ComputeScalar>(
  _ x: UnsafePointer<S>, offsets: [Int32], into y: UnsafeMutablePointer<S>, columns: Int, arena: Arena
) {
  let span = Phase.pooling.begin()
  defer { span.end() }
  arena.scratch {
    let mean = arena.allocate(Float.self, columns)
    forEachSequence(offsets) { sequence, start, length in
      mean.update(repeating: 0, count: columns)
      addColumnSums(x + start * columns, to: mean, rows: length, columns: columns)
      scale(mean, by: 1 / Float(length), count: columns)
      convert(UnsafePointer(mean), into: y + sequence * columns, count: columns)
    }
  }
}

/// dX[r] = dY[s] / length of s for every row r of sequence s; rows behind the last sequence stay as they are.
package func sequenceMeansBackward<S: ComputeScalar>(
  _ dy: UnsafePointer<S>, offsets: [Int32], into dx: UnsafeMutablePointer<S>, columns: Int, arena: Arena
) {
  let span = Phase.pooling.begin()
  defer { span.end() }
  arena.scratch {
    let share = arena.allocate(Float.self, columns)
    forEachSequence(offsets) { sequence, start, length in
      widen(dy + sequence * columns, into: share, count: columns)
      scale(share, by: 1 / Float(length), count: columns)
      kernelTable(S.self).broadcast_rows(share, dx + start * columns, Int64(length), Int64(columns))
    }
  }
}

private func forEachSequence(
  _ offsets: [Int32], _ body: (_ sequence: Int, _ start: Int, _ length: Int) -> Void
) {
  for sequence in 0..<max(0, offsets.count - 1) {
    let (start, end) = (Int(offsets[sequence]), Int(offsets[sequence + 1]))
    precondition(end > start, "an empty sequence has no mean")
    body(sequence, start, end - start)
  }
}
