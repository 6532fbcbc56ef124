/// Where each rank's part of a buffer lies, in bytes, as MPI wants it. MPI reads the arrays until the request
/// has completed, so they stay where they are.
final class PartLayout {
  let counts: UnsafeMutablePointer<Int32>
  let displacements: UnsafeMutablePointer<Int32>

  /// - Parameter displacements: nil to lay the parts end to end.
  init(counts values: [Int], displacements places: [Int]? = nil) {
    counts = .allocate(capacity: values.count)
    displacements = .allocate(capacity: values.count)
    var end = 0
    for (k, count) in values.enumerated() {
      counts[k] = Int32(count)
      displacements[k] = Int32(places?[k] ?? end)
      end += count
    }
  }

  deinit {
    counts.deallocate()
    displacements.deallocate()
  }
}

/// A buffer cut into one part a rank; the last parts may be short or empty.
struct Shares {
  let count: Int
  /// Bytes a part.
  private let stride: Int

  /// - Parameters:
  ///   - count: bytes in all.
  ///   - alignment: bytes; every part but the last is a multiple of it.
  init(count: Int, ranks: Int, alignment: Int) {
    self.count = count
    let units = (count + alignment - 1) / alignment
    stride = (units + ranks - 1) / ranks * alignment
  }

  func range(_ rank: Int) -> Range<Int> {
    min(rank * stride, count)..<min((rank + 1) * stride, count)
  }
}
