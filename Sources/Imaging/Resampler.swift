internal import CImageKernels

/// Antialiased bicubic resizing with memory that it keeps; for one thread at a time.
///
/// Equal bit for bit to Pillow's `resize(size, BICUBIC)` of 8-bit RGB.
final class Resampler {
  private let columns = BicubicCoefficients()
  private let rows = BicubicCoefficients()
  private let intermediate = ScratchMemory<UInt8>()
  private let wide = ScratchMemory<Int32>()

  /// Writes outputs.count × outputs.count pixels (vertical × horizontal) to `target`, without gaps.
  ///
  /// A pass along an axis that keeps its length is skipped: it would change nothing.
  func resample(
    _ source: PixelRows, horizontal: ResampledAxis, vertical: ResampledAxis,
    to target: UnsafeMutablePointer<UInt8>
  ) {
    if !horizontal.isIdentity { rows.compute(horizontal) }
    if !vertical.isIdentity { columns.compute(vertical) }
    switch (horizontal.isIdentity, vertical.isIdentity) {
    case (true, true):
      copy(source.from(x: Self.first(horizontal), y: Self.first(vertical)), horizontal, vertical, to: target)
    case (false, true):
      let part = source.from(x: rows.sources.lowerBound, y: Self.first(vertical))
      resampleRows(part, count: vertical.outputs.count, to: target)
    case (true, false):
      let part = source.from(x: Self.first(horizontal), y: columns.sources.lowerBound)
      resampleColumns(part, width: horizontal.outputs.count, to: target)
    case (false, false):
      let part = source.from(x: rows.sources.lowerBound, y: columns.sources.lowerBound)
      if Self.startsWithColumns(horizontal, vertical) {
        resampleColumnsThenRows(part, to: target)
      } else {
        resampleRowsThenColumns(part, to: target)
      }
    }
  }

  /// Gives memory back that is larger than `bytes`.
  func releaseHuge(_ bytes: Int) {
    intermediate.shrink(to: bytes)
    wide.shrink(to: bytes / MemoryLayout<Int32>.stride)
  }

  /// Each pass rounds, so their order shows in the result. This is Pillow 13's choice of the cheaper one; earlier
  /// releases always start with the rows.
  private static func startsWithColumns(_ horizontal: ResampledAxis, _ vertical: ResampledAxis) -> Bool {
    let removedRows = vertical.length - Double(vertical.outputSize)
    return removedRows > 0 && removedRows > 2 * (horizontal.length - Double(horizontal.outputSize))
  }

  /// The first source sample of an axis that keeps its length.
  private static func first(_ axis: ResampledAxis) -> Int { Int(axis.start) + axis.outputs.lowerBound }

  private func resampleRowsThenColumns(_ part: PixelRows, to target: UnsafeMutablePointer<UInt8>) {
    let width = rows.outputCount
    let narrow = intermediate.reserve(columns.sources.count * width * 3)
    resampleRows(part, count: columns.sources.count, to: narrow)
    resampleColumns(PixelRows(base: narrow, stride: width * 3), width: width, to: target)
  }

  private func resampleColumnsThenRows(_ part: PixelRows, to target: UnsafeMutablePointer<UInt8>) {
    let width = rows.sources.count
    let low = intermediate.reserve(columns.outputCount * width * 3)
    resampleColumns(part, width: width, to: low)
    resampleRows(PixelRows(base: low, stride: width * 3), count: columns.outputCount, to: target)
  }

  private func resampleRows(_ part: PixelRows, count: Int, to target: UnsafeMutablePointer<UInt8>) {
    let width = rows.sources.count
    let scratch = wide.reserve(width * Int(KELIP_WIDE_PIXEL_BYTES) / MemoryLayout<Int32>.stride)
    withUnsafePointer(to: rows.taps) {
      kelip_resample_rows(part.base, Int64(part.stride), Int64(count), Int64(width), $0, scratch, target)
    }
  }

  private func resampleColumns(_ part: PixelRows, width: Int, to target: UnsafeMutablePointer<UInt8>) {
    withUnsafePointer(to: columns.taps) {
      kelip_resample_columns(part.base, Int64(part.stride), Int64(width * 3), $0, target)
    }
  }

  private func copy(
    _ part: PixelRows, _ horizontal: ResampledAxis, _ vertical: ResampledAxis,
    to target: UnsafeMutablePointer<UInt8>
  ) {
    let length = horizontal.outputs.count * 3
    for y in 0..<vertical.outputs.count {
      (target + y * length).update(from: part.base + y * part.stride, count: length)
    }
  }
}

/// Rows of RGB pixels that lie `stride` bytes apart in someone else's memory.
struct PixelRows {
  let base: UnsafePointer<UInt8>
  let stride: Int

  init(base: UnsafePointer<UInt8>, stride: Int) {
    self.base = base
    self.stride = stride
  }

  /// The rows from pixel (x, y) on.
  func from(x: Int, y: Int) -> PixelRows { PixelRows(base: base + y * stride + 3 * x, stride: stride) }
}
