#if canImport(Glibc)
  import Glibc
#endif

/// The touched rows of a table's gradient, laid end to end for the journey.
///
/// A unit of which more than half of the rows are touched travels as it is.
final class PackedRows {
  private let gradients: UnsafeMutableBufferPointer<Float>
  private let touched: TouchedRows
  /// The place whose rows are put back; nil for all.
  private let place: Int?
  private let communicator: any Communicator
  /// Half of the table.
  private let memory: UnsafeMutableRawBufferPointer

  init(
    _ gradients: UnsafeMutableBufferPointer<Float>, _ touched: TouchedRows, place: Int?,
    communicator: any Communicator
  ) throws {
    (self.gradients, self.touched, self.place) = (gradients, touched, place)
    let table = touched.table
    let rowCount = table.range.count / table.width
    self.communicator = communicator
    memory = wholePages(byteCount: (rowCount + 1) / 2 * table.width * MemoryLayout<Float>.stride)
    try communicator.share(memory)
  }

  deinit {
    communicator.unshare(memory)
    munmap(memory.baseAddress!, memory.count)
  }

  private var width: Int { touched.table.width }

  /// Makes a unit of the table travel packed.
  func attach(to exchange: Exchange, _ unit: GradientLayout.Unit) {
    let whole = exchange.buffer
    let firstRow = (unit.range.lowerBound - touched.table.range.lowerBound) / width
    let rows = firstRow..<firstRow + unit.range.count / width
    var isPacked = false
    exchange.before = { [unowned exchange, self] in
      let indices = touched.indices(within: rows)
      isPacked = indices.count * 2 <= rows.count
      exchange.buffer = isPacked ? pack(indices, from: firstRow) : whole
      for (k, cut) in unit.cuts.enumerated() {
        exchange.cuts[k] =
          isPacked
          ? (touched.firstIndex(from: firstRow + cut / width) - indices.lowerBound) * width : cut
      }
    }
    exchange.after = { [unowned exchange, self] in
      guard isPacked else { return }
      let mine = exchange.range(place.map { $0..<$0 + 1 } ?? 0..<exchange.cuts.count - 1)
      unpack(exchange.buffer, mine, touched.indices(within: rows).lowerBound)
    }
  }

  /// Each unit has room for half of its rows, from where half of those before it ends.
  private func pack(_ indices: Range<Int>, from firstRow: Int) -> UnsafeMutableBufferPointer<Float> {
    let start = memory.baseAddress!.assumingMemoryBound(to: Float.self) + (firstRow + 1) / 2 * width
    for (k, index) in indices.enumerated() {
      (start + k * width).update(from: row(touched.rows[index]), count: width)
    }
    return UnsafeMutableBufferPointer(start: start, count: indices.count * width)
  }

  private func unpack(_ packed: UnsafeMutableBufferPointer<Float>, _ range: Range<Int>, _ firstIndex: Int) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: width) {
      row(touched.rows[firstIndex + start / width]).update(from: packed.baseAddress! + start, count: width)
    }
  }

  private func row(_ number: Int32) -> UnsafeMutablePointer<Float> {
    gradients.baseAddress! + touched.table.range.lowerBound + Int(number) * width
  }
}

/// Zeros straight from the system, at least `byteCount` of them; released by `munmap`.
func wholePages(byteCount: Int) -> UnsafeMutableRawBufferPointer {
  let page = Int(getpagesize())
  let bytes = max(1, (byteCount + page - 1) / page) * page
  let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  guard let address, address != MAP_FAILED else {
    fatalError("no memory for \(bytes) bytes of packed gradients: \(String(cString: strerror(errno)))")
  }
  return UnsafeMutableRawBufferPointer(start: address, count: bytes)
}
