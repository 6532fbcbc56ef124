import Testing

@testable import Imaging

@Suite struct ImageEncoderTests {
  @Test(arguments: [(1, 1), (1, 17), (31, 1), (23, 19)])
  func pngRoundTripsExactly(width: Int, height: Int) throws {
    let pixels = (0..<(width * height * 3)).map { UInt8(truncatingIfNeeded: $0 &* 73) }
    let image = RGBImage(width: width, height: height, pixels: pixels)
    #expect(try ImageDecoder.decode(PNGCodec.encode(image)) == image)
  }

  @Test func jpegComesBackCloseAndTheSameEveryTime() throws {
    var image = RGBImage(width: 33, height: 21, fill: .white)
    image.paste(RGBImage(width: 16, height: 21, fill: RGBColour(red: 200, green: 30, blue: 60)), x: 0, y: 0)
    let bytes = JPEGEncoder.encode(image, quality: 95)
    #expect(bytes == JPEGEncoder.encode(image, quality: 95))
    let decoded = try ImageDecoder.decode(bytes)
    #expect(decoded.width == 33 && decoded.height == 21)
    // Away from the edge, where chroma at half resolution does not bleed.
    for (x, y) in [(0, 0), (10, 20), (20, 3), (32, 20)] {
      #expect(abs(Int(decoded[x, y].red) - Int(image[x, y].red)) <= 4)
      #expect(abs(Int(decoded[x, y].blue) - Int(image[x, y].blue)) <= 4)
    }
    #expect(JPEGEncoder.encode(image, quality: 20).count < bytes.count)
  }

  @Test func pasteClipsAtTheEdges() {
    let patch = RGBImage(width: 3, height: 3, fill: .white)
    for (x, y, visible) in [(-2, -2, 1), (4, 4, 1), (1, 1, 9), (-3, 0, 0), (0, 9, 0), (-1, 3, 4)] {
      var image = RGBImage(width: 5, height: 5)
      image.paste(patch, x: x, y: y)
      #expect(image.pixels.filter { $0 == 255 }.count == 3 * visible, "at (\(x), \(y))")
    }
  }
}
