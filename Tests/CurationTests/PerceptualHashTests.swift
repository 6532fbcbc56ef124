import Foundation
import Imaging
import Testing

@testable import Curation

@Suite struct PerceptualHashTests {
  struct Case: Codable {
    var width: Int
    var height: Int
    var seed: Int
    var hash: String
  }

  /// As `picture` in make_perceptual_hashes.py.
  private func picture(_ width: Int, _ height: Int, _ seed: Int) -> RGBImage {
    var image = RGBImage(width: width, height: height)
    for y in 0..<height {
      for x in 0..<width {
        image[x, y] = RGBColour(
          red: UInt8((x * (3 + seed) + y * (7 + seed % 5)) / 4 % 256),
          green: UInt8((x * x / 16 + y * seed) % 256),
          blue: UInt8(((x / (5 + seed % 11)) * 37 + (y / (9 + seed % 7)) * 91 + seed * 13) % 256))
      }
    }
    return image
  }

  @Test func equalsImagehash() throws {
    let url = Bundle.module.url(forResource: "Fixtures/perceptual_hashes", withExtension: "json")!
    let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: url))
    #expect(cases.count == 55)
    for item in cases {
      let hash = PerceptualHash(picture(item.width, item.height, item.seed))
      let expected = PerceptualHash(bits: UInt64(item.hash, radix: 16)!)
      // A picture of one grey has no frequencies: there imagehash's bits are the rounding of its sums.
      if item.width == 1 && item.height == 1 { continue }
      #expect(hash == expected, "\(item): \(String(hash.bits, radix: 16))")
    }
  }

  @Test func plainPicturesHaveOneHash() {
    let hashes = [(1, 1), (32, 32), (100, 7), (640, 480)].flatMap { size in
      [RGBColour.white, RGBColour(red: 9, green: 200, blue: 31)].map {
        PerceptualHash(RGBImage(width: size.0, height: size.1, fill: $0)).bits
      }
    }
    #expect(Set(hashes) == [1 << 63])
  }

  @Test func scalingAndEncodingChangeFewBits() throws {
    for number in 0..<12 {
      let original = PerceptualHash(testPicture(number, width: 300, height: 240))
      let small = PerceptualHash(testPicture(number, width: 150, height: 120))
      let coarse = try ImageDecoder.decode(testJPEG(number, width: 300, height: 240, quality: 40))
      #expect(original.distance(to: small) <= 4)
      #expect(original.distance(to: PerceptualHash(coarse)) <= 4)
      #expect(original.distance(to: PerceptualHash(testPicture(number + 100))) > 10)
    }
  }
}
