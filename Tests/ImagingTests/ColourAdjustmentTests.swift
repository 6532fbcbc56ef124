import Testing

@testable import Imaging

@Suite struct ColourAdjustmentTests {
  private func image(width: Int, height: Int) throws -> RGBImage {
    try Fixture.base().cropped(to: Box(x: 4, y: 2, width: width, height: height))
  }

  /// The formula, value by value, in double precision.
  private func plainBlur(_ image: RGBImage, _ blur: GaussianBlur) -> [Double] {
    func mirrored(_ index: Int, _ count: Int) -> Int {
      index < 0 ? -index : index < count ? index : 2 * (count - 1) - index
    }
    let weights = blur.weights.map(Double.init)
    let taps = -blur.radius...blur.radius
    return (0..<image.pixels.count).map { at in
      let (x, y, channel) = (at / 3 % image.width, at / 3 / image.width, at % 3)
      var sum = 0.0
      for dy in taps {
        for dx in taps {
          let (column, row) = (mirrored(x + dx, image.width), mirrored(y + dy, image.height))
          let value = image.pixels[3 * (row * image.width + column) + channel]
          sum += weights[abs(dx)] * weights[abs(dy)] * Double(value)
        }
      }
      return sum
    }
  }

  @Test(arguments: [(1, 1, 0), (2, 3, 1), (17, 5, 4), (31, 29, 3), (16, 16, 11), (7, 59, 6)])
  func blurEqualsItsFormula(width: Int, height: Int, radius: Int) throws {
    let image = try image(width: width, height: height)
    let blur = GaussianBlur(radius: radius, sigma: 1.3)
    let blurred = image.adjusted(by: [.gaussianBlur(blur)])
    for (value, expected) in zip(blurred.pixels, plainBlur(image, blur)) {
      #expect(abs(Double(value) - expected) <= 0.501)
    }
  }

  @Test func aMirroredPictureBlursToTheMirror() throws {
    let image = try image(width: 23, height: 11)
    let blur = [ColourAdjustment.gaussianBlur(GaussianBlur(radius: 3, sigma: 2))]
    #expect(image.mirrored().adjusted(by: blur) == image.adjusted(by: blur).mirrored())
  }

  @Test func factorsOfOneAndNoAdjustmentChangeNothing() throws {
    let image = try image(width: 13, height: 7)
    #expect(image.adjusted(by: []) == image)
    #expect(image.adjusted(by: [.brightness(1), .contrast(1), .saturation(1)]) == image)
    #expect(image.adjusted(by: [.gaussianBlur(GaussianBlur(radius: 0, sigma: 1))]) == image)
    #expect(image.adjusted(by: [.brightness(0)]) == RGBImage(width: 13, height: 7))
  }

  @Test func greyPicturesHaveNoHueAndNoSaturation() throws {
    let grey = try image(width: 19, height: 3).adjusted(by: [.grey])
    #expect(grey.adjusted(by: [.hue(0.3)]) == grey)
    #expect(grey.adjusted(by: [.saturation(2.5)]) == grey)
  }

  @Test func aThirdOfTheCircleTurnsRedToGreen() {
    let red = RGBImage(width: 1, height: 1, fill: RGBColour(red: 255, green: 0, blue: 0))
    let green = RGBColour(red: 0, green: 255, blue: 0)
    #expect(red.adjusted(by: [.hue(1.0 / 3 + 1e-9)])[0, 0] == green)
  }

  @Test func nothingOfNothing() {
    let empty = RGBImage(width: 0, height: 0)
    #expect(empty.adjusted(by: [.contrast(2), .hue(0.1), .grey]) == empty)
  }

  /// A view that is resized twice is what two resizes give.
  @Test(arguments: [(5, 12), (12, 5), (9, 9)])
  func resizedAgainIsTwoResizes(first: Int, second: Int) throws {
    let image = try image(width: 40, height: 33)
    let box = Box(x: 3, y: 4, width: 20, height: 17)
    var view = ImageView(source: box, width: first, height: first, isFlipped: true)
    (view.outputWidth, view.outputHeight) = (second, second)
    let once = Resampling.resize(image, crop: box, width: first, height: first)
    let twice = Resampling.resize(once, width: second, height: second).mirrored()
    let workspace = ImageWorkspace()
    let drawn = image.withDecodedPicture { workspace.picture(view, of: $0) }
    #expect(drawn == twice)
    var values = [Float](repeating: .nan, count: 3 * second * second)
    image.withDecodedPicture { workspace.draw(view, of: $0, mean: .zero, std: .one, into: &values) }
    #expect(values[0] == Float(twice.pixels[0]) / 255 && values.allSatisfy(\.isFinite))
  }
}
