/// Antialiased bicubic resizing, equal bit for bit to Pillow's `resize(size, BICUBIC)` of 8-bit RGB.
package enum Resampling {
  /// Crops, then resizes the crop: samples outside `crop` have no influence, as in
  /// `image.crop(…).resize(…)`. `nil` takes the whole picture.
  package static func resize(
    _ image: RGBImage, crop: Box? = nil, width: Int, height: Int
  ) -> RGBImage {
    precondition(width > 0 && height > 0)
    let box = crop ?? Box(x: 0, y: 0, width: image.width, height: image.height)
    box.requireInside(width: image.width, height: image.height)
    let rowLength = image.width * 3
    let pixels = image.pixels.withUnsafeBufferPointer { source in
      let corner = source.baseAddress! + box.y * rowLength + box.x * 3
      return resize(corner, rowLength: rowLength, box: box, width: width, height: height)
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// A pass along an axis that keeps its length is skipped: it would change nothing.
  private static func resize(
    _ corner: UnsafePointer<UInt8>, rowLength: Int, box: Box, width: Int, height: Int
  ) -> [UInt8] {
    let rows = PixelRows(base: corner, stride: rowLength, width: box.width, count: box.height)
    switch (box.width != width, box.height != height) {
    case (false, false):
      return filled(width * height * 3) { copy(rows, to: $0) }
    case (true, false):
      return resizedRows(rows, width: width)
    case (false, true):
      return resizedColumns(rows, height: height)
    case (true, true):
      // Each pass rounds, so their order shows in the result. This is Pillow 13's choice of the cheaper one;
      // earlier releases always start with the rows.
      let isHeightFirst = box.height > height && box.height - height > 2 * (box.width - width)
      return isHeightFirst
        ? resizedColumns(rows, height: height).asRows(width: box.width) { resizedRows($0, width: width) }
        : resizedRows(rows, width: width).asRows(width: width) { resizedColumns($0, height: height) }
    }
  }

  private static func filled(_ count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      fill(buffer.baseAddress!)
      initialised = count
    }
  }

  private static func copy(_ rows: PixelRows, to target: UnsafeMutablePointer<UInt8>) {
    for y in 0..<rows.count {
      (target + y * rows.byteCount).update(from: rows.base + y * rows.stride, count: rows.byteCount)
    }
  }

  /// Half a unit, so that the shift in `clip` rounds.
  private static let rounding = Int32(1) << (BicubicCoefficients.precisionBits - 1)

  private static func resizedRows(_ rows: PixelRows, width: Int) -> [UInt8] {
    let coefficients = BicubicCoefficients(inputSize: rows.width, outputSize: width)
    // A pixel is one vector (R, G, B, unused): widened once a row, used by many output pixels.
    let wide = UnsafeMutablePointer<SIMD4<Int32>>.allocate(capacity: rows.width)
    defer { wide.deallocate() }
    return filled(rows.count * width * 3) { target in
      for y in 0..<rows.count {
        widen(rows.base + y * rows.stride, count: rows.width, to: wide)
        resizeRow(wide, coefficients, to: target + y * width * 3)
      }
    }
  }

  private static func widen(
    _ row: UnsafePointer<UInt8>, count: Int, to wide: UnsafeMutablePointer<SIMD4<Int32>>
  ) {
    for x in 0..<count {
      wide[x] = SIMD4(Int32(row[3 * x]), Int32(row[3 * x + 1]), Int32(row[3 * x + 2]), 0)
    }
  }

  private static func resizeRow(
    _ wide: UnsafePointer<SIMD4<Int32>>, _ coefficients: BicubicCoefficients,
    to out: UnsafeMutablePointer<UInt8>
  ) {
    coefficients.weights.withUnsafeBufferPointer { weights in
      for x in 0..<coefficients.starts.count {
        let taps = wide + coefficients.starts[x]
        let kernel = weights.baseAddress! + x * coefficients.stride
        var sum = SIMD4<Int32>(repeating: rounding)
        for tap in 0..<coefficients.counts[x] {
          sum &+= taps[tap] &* SIMD4(repeating: kernel[tap])
        }
        let pixel = clip(sum)
        out[3 * x] = UInt8(truncatingIfNeeded: pixel[0])
        out[3 * x + 1] = UInt8(truncatingIfNeeded: pixel[1])
        out[3 * x + 2] = UInt8(truncatingIfNeeded: pixel[2])
      }
    }
  }

  private static func resizedColumns(_ rows: PixelRows, height: Int) -> [UInt8] {
    let coefficients = BicubicCoefficients(inputSize: rows.count, outputSize: height)
    return filled(height * rows.byteCount) { target in
      coefficients.weights.withUnsafeBufferPointer { weights in
        for y in 0..<height {
          let kernel = UnsafeBufferPointer(
            start: weights.baseAddress! + y * coefficients.stride, count: coefficients.counts[y])
          let taps = rows.base + coefficients.starts[y] * rows.stride
          sumRows(
            taps, stride: rows.stride, kernel, byteCount: rows.byteCount, to: target + y * rows.byteCount)
        }
      }
    }
  }

  /// One output row: the weighted sum of `kernel.count` input rows, 16 samples at a time.
  private static func sumRows(
    _ taps: UnsafePointer<UInt8>, stride: Int, _ kernel: UnsafeBufferPointer<Int32>, byteCount: Int,
    to out: UnsafeMutablePointer<UInt8>
  ) {
    let vectorised = byteCount & ~15
    for x in Swift.stride(from: 0, to: vectorised, by: 16) {
      var sum = SIMD16<Int32>(repeating: rounding)
      for tap in 0..<kernel.count {
        let samples = UnsafeRawPointer(taps + tap * stride + x).loadUnaligned(as: SIMD16<UInt8>.self)
        sum &+= SIMD16<Int32>(truncatingIfNeeded: samples) &* SIMD16(repeating: kernel[tap])
      }
      let samples = SIMD16<UInt8>(truncatingIfNeeded: clip(sum))
      UnsafeMutableRawPointer(out + x).storeBytes(of: samples, as: SIMD16<UInt8>.self)
    }
    for x in vectorised..<byteCount {
      var sum = rounding
      for tap in 0..<kernel.count { sum &+= Int32(taps[tap * stride + x]) &* kernel[tap] }
      out[x] = UInt8(max(0, min(255, sum >> BicubicCoefficients.precisionBits)))
    }
  }

  @inline(__always)
  private static func clip<V: SIMD>(_ sum: V) -> V where V.Scalar == Int32 {
    (sum &>> V(repeating: BicubicCoefficients.precisionBits)).clamped(
      lowerBound: V(repeating: 0), upperBound: V(repeating: 255))
  }
}

/// Rows of RGB pixels that lie `stride` bytes apart in someone else's memory.
private struct PixelRows {
  let base: UnsafePointer<UInt8>
  let stride: Int
  /// Pixels a row.
  let width: Int
  let count: Int

  var byteCount: Int { width * 3 }
}

extension [UInt8] {
  /// This array as rows of `width` pixels without gaps.
  fileprivate func asRows(width: Int, _ body: (PixelRows) -> [UInt8]) -> [UInt8] {
    withUnsafeBufferPointer {
      body(PixelRows(base: $0.baseAddress!, stride: width * 3, width: width, count: $0.count / (width * 3)))
    }
  }
}
