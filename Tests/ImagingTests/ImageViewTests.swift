import Basics
import Testing

@testable import Imaging

@Suite struct ImageViewTests {
  /// Only what the window needs is computed, and it is what lies there when everything is.
  @Test(arguments: [
    (97, 61, 33, 40), (97, 61, 150, 20), (20, 61, 10, 61), (97, 20, 97, 60), (31, 17, 31, 17),
  ])
  func aWindowIsAPartOfTheWhole(width: Int, height: Int, newWidth: Int, newHeight: Int) throws {
    let image = try Fixture.base().cropped(to: Box(x: 0, y: 0, width: width, height: height))
    let source = Box(x: 0, y: 0, width: width, height: height)
    let whole = Resampling.draw(ImageView(source: source, width: newWidth, height: newHeight), of: image)
    for window in [
      Box(x: 0, y: 0, width: 1, height: 1), Box(x: 3, y: 5, width: 7, height: 11),
      Box(x: newWidth - 1, y: 2, width: 1, height: newHeight - 2),
    ] {
      let part = ImageView(source: source, width: newWidth, height: newHeight, window: window)
      #expect(Resampling.draw(part, of: image) == whole.cropped(to: window))
    }
  }

  /// The formula, pixel by pixel.
  private func plain(_ image: RGBImage, width: Int, height: Int) -> RGBImage {
    func pass(_ input: Int, _ output: Int) -> [[(Int, Int)]] {
      let scale = Double(input) / Double(output)
      let support = 2 * max(scale, 1)
      return (0..<output).map { out in
        let centre = (Double(out) + 0.5) * scale
        let taps = max(0, Int(centre - support + 0.5))..<min(input, Int(centre + support + 0.5))
        let weights = taps.map { tap -> Double in
          let x = abs((Double(tap) - centre + 0.5) / max(scale, 1))
          return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
        }
        let sum = weights.reduce(0, +)
        return zip(taps, weights).map { ($0, Int(($1 / sum * 4_194_304).rounded(.toNearestOrAwayFromZero))) }
      }
    }
    func sum(_ taps: [(Int, Int)], _ sample: (Int) -> UInt8) -> UInt8 {
      UInt8(max(0, min(255, (taps.reduce(1 << 21) { $0 + Int(sample($1.0)) * $1.1 }) >> 22)))
    }
    func mixed(_ taps: [(Int, Int)], _ colour: (Int) -> RGBColour) -> RGBColour {
      RGBColour(
        red: sum(taps) { colour($0).red }, green: sum(taps) { colour($0).green },
        blue: sum(taps) { colour($0).blue })
    }
    var narrow = RGBImage(width: width, height: image.height)
    for (x, taps) in pass(image.width, width).enumerated() {
      for y in 0..<image.height { narrow[x, y] = mixed(taps) { image[$0, y] } }
    }
    var out = RGBImage(width: width, height: height)
    for (y, taps) in pass(image.height, height).enumerated() {
      for x in 0..<width { out[x, y] = mixed(taps) { narrow[x, $0] } }
    }
    return out
  }

  /// Sizes where the rows come first.
  @Test(arguments: [(1, 1, 3, 2), (5, 3, 2, 3), (17, 13, 31, 29), (61, 43, 17, 41), (33, 7, 5, 6)])
  func theVectorLoopsEqualThePlainOnes(width: Int, height: Int, newWidth: Int, newHeight: Int) throws {
    let image = try Fixture.base().cropped(to: Box(x: 2, y: 1, width: width, height: height))
    let resized = Resampling.resize(image, width: newWidth, height: newHeight)
    #expect(resized == plain(image, width: newWidth, height: newHeight))
  }

  @Test(arguments: [(1, 2_000_000), (2_000_000, 1)])
  func aLineOfPixelsCostsNoMoreThanItsCentre(width: Int, height: Int) {
    let line = RGBImage(width: width, height: height, fill: .white)
    let cut = ImageTransform.centreCrop(line, size: 224)
    #expect(cut == RGBImage(width: 224, height: 224, fill: .white))
  }

  @Test func aWorkspaceGivesTheSamePictureWhateverCameBefore() throws {
    let workspace = ImageWorkspace()
    let names = ["formats/orientation-6.jpg", "base.png", "formats/lossy.webp", "cmyk.jpg", "one-pixel.png"]
    for name in names + names.reversed() {
      let bytes = try Fixture.bytes(name)
      let image = try bytes.withUnsafeBytes { buffer in
        try workspace.decode(buffer, ImageHeader.read(buffer)).image
      }
      #expect(image == (try ImageDecoder.decode(bytes, upright: true)), "\(name)")
    }
  }

  /// A turned JPEG is decoded small, then turned: the crop stays where it is on the upright picture.
  @Test func scaledAndTurnedIsTurnedAndScaled() throws {
    let bytes = try Fixture.bytes("formats/orientation-6.jpg")
    try bytes.withUnsafeBytes { buffer in
      let workspace = ImageWorkspace()
      let picture = try workspace.decode(buffer, ImageHeader.read(buffer), scale: JPEGScale(eighths: 4))
      #expect(picture.width == 10 && picture.height == 15)  // of 19 × 29 when upright
      let view = ImageView(source: Box(x: 0, y: 0, width: 19, height: 29), width: 5, height: 5)
      var values = [Float](repeating: .nan, count: 75)
      workspace.draw(view, of: picture, mean: .zero, std: .one, into: &values)
      #expect(values.allSatisfy { (0...1).contains($0) })
    }
  }
}
