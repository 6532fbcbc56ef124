/// An 8-bit picture with straight (not premultiplied) alpha, rows from the top.
package struct RGBAImage: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// height × width × 4, row major.
  package var pixels: [UInt8]

  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 4, "\(pixels.count) bytes are not \(width)×\(height)×4")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Drops alpha, as Pillow's `convert("RGB")` does: colours under transparent pixels come to light.
  package func withoutAlpha() -> RGBImage {
    mapPixels { colour, _ in colour }
  }

  /// Laid over an opaque background: round((a·colour + (255 − a)·background) / 255).
  package func composited(over background: RGBColour) -> RGBImage {
    mapPixels { colour, alpha in
      RGBColour(
        red: blend(colour.red, over: background.red, alpha: alpha),
        green: blend(colour.green, over: background.green, alpha: alpha),
        blue: blend(colour.blue, over: background.blue, alpha: alpha))
    }
  }

  private func mapPixels(_ transform: (RGBColour, UInt8) -> RGBColour) -> RGBImage {
    var out = RGBImage(width: width, height: height)
    pixels.withUnsafeBufferPointer { source in
      out.pixels.withUnsafeMutableBufferPointer { target in
        for index in 0..<(width * height) {
          let colour = RGBColour(
            red: source[4 * index], green: source[4 * index + 1], blue: source[4 * index + 2])
          let result = transform(colour, source[4 * index + 3])
          target[3 * index] = result.red
          target[3 * index + 1] = result.green
          target[3 * index + 2] = result.blue
        }
      }
    }
    return out
  }
}

/// round((alpha·top + (255 − alpha)·bottom) / 255) in whole numbers.
@inline(__always)
func blend(_ top: UInt8, over bottom: UInt8, alpha: UInt8) -> UInt8 {
  let sum = Int32(alpha) * Int32(top) + (255 - Int32(alpha)) * Int32(bottom)
  return UInt8((sum + 127) / 255)
}
