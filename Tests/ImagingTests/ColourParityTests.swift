import Basics
import Foundation
import Testing

@testable import Imaging

/// What `Fixtures/make_colour_fixtures.py` wrote.
private struct ColourFixture: Decodable {
  /// A name and its amounts: `["hue", 0.1]`, `["blur", radius, sigma]`.
  struct Step: Decodable {
    var adjustment: ColourAdjustment

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      let name = try list.decode(String.self)
      let amount = try list.decode(Double.self)
      adjustment =
        switch name {
        case "brightness": .brightness(amount)
        case "contrast": .contrast(amount)
        case "saturation": .saturation(amount)
        case "hue": .hue(amount)
        case "grey": .grey
        default: .gaussianBlur(GaussianBlur(radius: Int(amount), sigma: try list.decode(Double.self)))
        }
    }
  }
  struct Single: Decodable {
    var crop: [Int]
    var steps: [Step]
    var rgb: String
  }
  struct Exhaustive: Decodable {
    var steps: [Step]
    var rgb: String
  }
  struct Blur: Decodable {
    var crop: [Int]
    var radius: Int
    var sigma: Double
    var picture: String
  }
  struct Chain: Decodable {
    var crop: [Int]
    var size: Int
    var again: Int
    var flipped: Bool
    var steps: [Step]
    var rgb: String
    var picture: String?
  }
  var single: [Single]
  var exhaustive: [Exhaustive]
  var blurs: [Blur]
  var chains: [Chain]

  static func load() throws -> ColourFixture {
    try JSONDecoder().decode(ColourFixture.self, from: Data(Fixture.bytes("colour.json")))
  }
}

@Suite struct ColourParityTests {
  /// torch sums the two-dimensional kernel, we one side after the other: values next to a half may round otherwise.
  private func expectWithinRounding(_ image: RGBImage, _ name: String) throws {
    let expected = try ImageDecoder.decode(Fixture.bytes("colour/\(name)"))
    #expect(image.width == expected.width && image.height == expected.height)
    let distances = zip(image.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
    let count = distances.count { $0 > 0 }
    #expect(distances.max()! <= 1, "\(name)")
    #expect(count <= 1 + distances.count / 1_000, "\(name): \(count) of \(distances.count) differ")
  }

  @Test func eachAdjustmentEqualsTorchvision() throws {
    let base = try Fixture.base()
    let cases = try ColourFixture.load().single
    #expect(cases.count == 152)
    for entry in cases {
      let adjustments = entry.steps.map(\.adjustment)
      let image = base.cropped(to: Fixture.box(entry.crop)).adjusted(by: adjustments)
      #expect(Fixture.digest(image) == entry.rgb, "\(adjustments) of \(entry.crop)")
    }
  }

  /// All 16,777,216 of them: these adjustments treat each pixel by itself.
  @Test func everyColourEqualsTorchvisions() throws {
    let colours = Self.everyColour()
    let cases = try ColourFixture.load().exhaustive
    #expect(cases.count == 6)
    for entry in cases {
      let adjustments = entry.steps.map(\.adjustment)
      #expect(Fixture.digest(colours.adjusted(by: adjustments)) == entry.rgb, "\(adjustments)")
    }
  }

  private static func everyColour() -> RGBImage {
    let count = 1 << 24
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * count) { buffer, initialised in
      let pixels = buffer.baseAddress!
      for value in 0..<count {
        pixels[3 * value] = UInt8(truncatingIfNeeded: value >> 16)
        pixels[3 * value + 1] = UInt8(truncatingIfNeeded: value >> 8)
        pixels[3 * value + 2] = UInt8(truncatingIfNeeded: value)
      }
      initialised = 3 * count
    }
    return RGBImage(width: 4096, height: 4096, pixels: pixels)
  }

  @Test func blurIsWithinOneOfTorchvisions() throws {
    let base = try Fixture.base()
    for entry in try ColourFixture.load().blurs {
      let blur = GaussianBlur(radius: entry.radius, sigma: entry.sigma)
      let image = base.cropped(to: Fixture.box(entry.crop)).adjusted(by: [.gaussianBlur(blur)])
      try expectWithinRounding(image, entry.picture)
    }
  }

  @Test func wholeTransformsEqualTorchvisions() throws {
    let workspace = ImageWorkspace()
    for entry in try ColourFixture.load().chains {
      var view = ImageView(
        source: Fixture.box(entry.crop), width: entry.size, height: entry.size, isFlipped: entry.flipped)
      (view.outputWidth, view.outputHeight) = (entry.again, entry.again)
      view.adjustments = entry.steps.map(\.adjustment)
      let image = try Fixture.base().withDecodedPicture { workspace.picture(view, of: $0) }
      if let picture = entry.picture {
        try expectWithinRounding(image, picture)
      } else {
        #expect(Fixture.digest(image) == entry.rgb, "\(view)")
      }
    }
  }
}
