#if canImport(Glibc)
  import Glibc
#endif

/// A small grey picture, equal bit for bit to Pillow's `convert("L").resize((size, size), LANCZOS)`.
///
/// For perceptual hashes, whose reference is defined with this filter (the rest of the program resizes bicubically).
package struct GreyThumbnail: Sendable, Equatable {
  package let size: Int
  /// size × size, row major.
  package let values: [UInt8]

  package init(_ image: RGBImage, size: Int) {
    precondition(size > 0 && image.width > 0 && image.height > 0)
    self.size = size
    let grey = Self.luminance(image.pixels)
    let (width, height) = (image.width, image.height)
    // Each pass rounds, so their order shows: Pillow 13 takes the cheaper one (see `Resampling`).
    if height > size && height - size > 2 * (width - size) {
      let flat = Self.resizedColumns(grey, width: width, height: height, to: size)
      values = Self.resizedRows(flat, width: width, height: size, to: size)
    } else {
      let narrow = Self.resizedRows(grey, width: width, height: height, to: size)
      values = Self.resizedColumns(narrow, width: size, height: height, to: size)
    }
  }

  /// ITU-R 601-2 luma in 16-bit fixed point, as Pillow's `rgb2l`.
  private static func luminance(_ pixels: [UInt8]) -> [UInt8] {
    pixels.withUnsafeBufferPointer { pixels in
      [UInt8](unsafeUninitializedCapacity: pixels.count / 3) { grey, count in
        count = pixels.count / 3
        for i in 0..<count {
          let red = UInt32(pixels[3 * i]) &* 19595
          let green = UInt32(pixels[3 * i + 1]) &* 38470
          let blue = UInt32(pixels[3 * i + 2]) &* 7471
          grey[i] = UInt8(truncatingIfNeeded: (red &+ green &+ blue &+ 0x8000) >> 16)
        }
      }
    }
  }

  private static func resizedRows(_ grey: [UInt8], width: Int, height: Int, to size: Int) -> [UInt8] {
    guard width != size else { return grey }
    let taps = LanczosTaps(inputSize: width, outputSize: size)
    return grey.withUnsafeBufferPointer { grey in
      [UInt8](unsafeUninitializedCapacity: size * height) { result, count in
        count = size * height
        for y in 0..<height {
          for x in 0..<size {
            let weights = taps.weights[x]
            let start = y * width + taps.starts[x]
            var sum = LanczosTaps.rounding
            for tap in 0..<weights.count { sum &+= Int32(grey[start + tap]) &* weights[tap] }
            result[y * size + x] = LanczosTaps.clip(sum)
          }
        }
      }
    }
  }

  private static func resizedColumns(_ grey: [UInt8], width: Int, height: Int, to size: Int) -> [UInt8] {
    guard height != size else { return grey }
    let taps = LanczosTaps(inputSize: height, outputSize: size)
    var result: [UInt8] = []
    result.reserveCapacity(size * width)
    var sums = [Int32](repeating: 0, count: width)
    for y in 0..<size {
      for x in 0..<width { sums[x] = LanczosTaps.rounding }
      for (tap, weight) in taps.weights[y].enumerated() {
        let row = (taps.starts[y] + tap) * width
        for x in 0..<width { sums[x] &+= Int32(grey[row + x]) &* weight }
      }
      for x in 0..<width { result.append(LanczosTaps.clip(sums[x])) }
    }
    return result
  }
}

/// Pillow's fixed-point weights (libImaging/Resample.c) of the Lanczos kernel with three lobes.
private struct LanczosTaps {
  private static let precisionBits: Int32 = 32 - 8 - 2
  static let rounding = Int32(1) << (precisionBits - 1)

  private(set) var starts: [Int] = []
  private(set) var weights: [[Int32]] = []

  init(inputSize: Int, outputSize: Int) {
    let scale = Double(inputSize) / Double(outputSize)
    let filterScale = max(scale, 1)
    let support = 3 * filterScale
    for output in 0..<outputSize {
      let centre = (Double(output) + 0.5) * scale
      let start = max(0, Int(centre - support + 0.5))
      let end = min(inputSize, Int(centre + support + 0.5))
      let row = (start..<end).map { Self.lanczos((Double($0) - centre + 0.5) * (1 / filterScale)) }
      let sum = row.reduce(0, +)
      starts.append(start)
      weights.append(row.map { Self.fixedPoint(sum != 0 ? $0 / sum : $0) })
    }
  }

  static func clip(_ sum: Int32) -> UInt8 { UInt8(max(0, min(255, sum >> precisionBits))) }

  private static func lanczos(_ x: Double) -> Double { x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 }

  private static func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }

  private static func fixedPoint(_ weight: Double) -> Int32 {
    let scaled = weight * Double(Int32(1) << precisionBits)
    return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
  }
}
