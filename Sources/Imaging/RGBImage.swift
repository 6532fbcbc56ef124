/// An 8-bit RGB picture in memory, rows from the top.
package struct RGBImage: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// height × width × 3, row major.
  package var pixels: [UInt8]

  package init(width: Int, height: Int, fill: RGBColour = .black) {
    precondition(width >= 0 && height >= 0)
    self.width = width
    self.height = height
    guard fill != .black else {
      pixels = [UInt8](repeating: 0, count: width * height * 3)
      return
    }
    pixels = []
    pixels.reserveCapacity(width * height * 3)
    for _ in 0..<(width * height) {
      pixels.append(fill.red)
      pixels.append(fill.green)
      pixels.append(fill.blue)
    }
  }

  /// Takes height × width × 3 bytes as they are.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 3, "\(pixels.count) bytes are not \(width)×\(height)×3")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  package subscript(x: Int, y: Int) -> RGBColour {
    get {
      let at = offset(x, y)
      return RGBColour(red: pixels[at], green: pixels[at + 1], blue: pixels[at + 2])
    }
    set {
      let at = offset(x, y)
      pixels[at] = newValue.red
      pixels[at + 1] = newValue.green
      pixels[at + 2] = newValue.blue
    }
  }

  private func offset(_ x: Int, _ y: Int) -> Int {
    precondition(x >= 0 && x < width && y >= 0 && y < height, "(\(x), \(y)) is outside \(width)×\(height)")
    return (y * width + x) * 3
  }

  /// Copies `image` with its top left corner at (x, y); what falls outside is left out.
  package mutating func paste(_ image: RGBImage, x: Int, y: Int) {
    let left = max(0, x)
    let right = min(width, x + image.width)
    guard left < right else { return }
    for row in max(0, y)..<max(0, y, min(height, y + image.height)) {
      let source = ((row - y) * image.width + left - x) * 3
      let target = (row * width + left) * 3
      let count = (right - left) * 3
      pixels.replaceSubrange(target..<(target + count), with: image.pixels[source..<(source + count)])
    }
  }

  /// Mirrored left to right.
  package func mirrored() -> RGBImage {
    var out = RGBImage(width: width, height: height)
    for y in 0..<height {
      for x in 0..<width { out[width - 1 - x, y] = self[x, y] }
    }
    return out
  }

  /// The pixels within `box`, which must lie inside the picture.
  package func cropped(to box: Box) -> RGBImage {
    box.requireInside(width: width, height: height)
    var out = RGBImage(width: box.width, height: box.height)
    out.paste(self, x: -box.x, y: -box.y)
    return out
  }
}

/// 8 bits a channel, sRGB.
package struct RGBColour: Sendable, Equatable {
  package var red: UInt8
  package var green: UInt8
  package var blue: UInt8

  package init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  package static let black = RGBColour(red: 0, green: 0, blue: 0)
  package static let white = RGBColour(red: 255, green: 255, blue: 255)
}

/// A rectangle of whole pixels, (x, y) its top left corner.
package struct Box: Sendable, Equatable {
  package var x: Int
  package var y: Int
  package var width: Int
  package var height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  func requireInside(width outerWidth: Int, height outerHeight: Int) {
    let isInside =
      x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= outerWidth && y + height <= outerHeight
    precondition(isInside, "\(self) is not inside \(outerWidth)×\(outerHeight)")
  }
}
