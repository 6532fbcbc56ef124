import Testing

@testable import Imaging

@Suite struct ResamplingTests {
  @Test func equalsPillowBitForBit() throws {
    let base = try Fixture.base()
    let cases = try Fixture.expected().resizes
    #expect(cases.count == 20)
    for entry in cases {
      let resized = Resampling.resize(
        base, crop: Fixture.box(entry.crop), width: entry.size[0], height: entry.size[1])
      #expect(Fixture.digest(resized) == entry.rgb, "\(entry.crop) → \(entry.size)")
    }
  }

  @Test func cropThenResizeIsResizeOfTheCrop() throws {
    let base = try Fixture.base()
    let box = Box(x: 13, y: 11, width: 37, height: 29)
    let direct = Resampling.resize(base, crop: box, width: 20, height: 50)
    #expect(direct == Resampling.resize(base.cropped(to: box), width: 20, height: 50))
  }

  /// Weights sum to one up to rounding, so a flat picture stays flat.
  @Test(arguments: [(1, 1), (2, 3), (17, 5), (5, 17), (300, 7)])
  func aFlatPictureStaysFlat(input: Int, output: Int) {
    let colour = RGBColour(red: 255, green: 128, blue: 1)
    let flat = RGBImage(width: input, height: input, fill: colour)
    let resized = Resampling.resize(flat, width: output, height: output)
    #expect(resized == RGBImage(width: output, height: output, fill: colour))
  }
}
