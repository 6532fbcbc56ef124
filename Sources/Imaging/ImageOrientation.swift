/// How a stored picture is turned to stand upright: EXIF's orientation, with its numbers.
package enum ImageOrientation: Int, Sendable, CaseIterable {
  case upright = 1
  case mirrored
  case rotated180
  case mirroredVertically
  case transposed
  /// To be turned clockwise by 90°.
  case rotated90
  case transverse
  /// To be turned clockwise by 270°.
  case rotated270

  /// Whether the upright picture is as wide as the stored one is high.
  package var swapsSides: Bool { rawValue >= 5 }

  /// The upright picture's pixel (x, y) lies at `origin + x · right + y · down` of the stored one, in pixels.
  private func walk(width: Int, height: Int) -> (origin: Int, right: Int, down: Int) {
    let last = width * height - 1
    return switch self {
    case .upright: (0, 1, width)
    case .mirrored: (width - 1, -1, width)
    case .rotated180: (last, -1, -width)
    case .mirroredVertically: (last - (width - 1), 1, -width)
    case .transposed: (0, width, 1)
    case .rotated90: (last - (width - 1), -width, 1)
    case .transverse: (last, -width, -1)
    case .rotated270: (width - 1, width, -1)
    }
  }

  /// Turns `height × width` RGB pixels upright into `target`, which has room for as many.
  func apply(
    _ source: UnsafePointer<UInt8>, width: Int, height: Int, to target: UnsafeMutablePointer<UInt8>
  ) {
    guard width > 0, height > 0 else { return }
    let (origin, right, down) = walk(width: width, height: height)
    let (uprightWidth, uprightHeight) = swapsSides ? (height, width) : (width, height)
    var out = target
    for y in 0..<uprightHeight {
      var pixel = source + 3 * (origin + y * down)
      for _ in 0..<uprightWidth {
        out[0] = pixel[0]
        out[1] = pixel[1]
        out[2] = pixel[2]
        out += 3
        pixel += 3 * right
      }
    }
  }
}

extension RGBImage {
  /// The picture turned upright, as Pillow's `ImageOps.exif_transpose`.
  package func turnedUpright(_ orientation: ImageOrientation) -> RGBImage {
    guard orientation != .upright else { return self }
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
      pixels.withUnsafeBufferPointer { source in
        guard let target = buffer.baseAddress, let base = source.baseAddress else { return }
        orientation.apply(base, width: width, height: height, to: target)
        count = source.count
      }
    }
    return orientation.swapsSides
      ? RGBImage(width: height, height: width, pixels: turned)
      : RGBImage(width: width, height: height, pixels: turned)
  }
}
