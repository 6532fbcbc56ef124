import Basics
import Testing

@testable import Imaging

@Suite struct ImageTransformTests {
  private let mean = SIMD3<Float>(0.48145466, 0.4578275, 0.40821073)
  private let std = SIMD3<Float>(0.26862954, 0.26130258, 0.27577711)

  private func normalised(_ image: RGBImage, flipped: Bool = false) -> [Float] {
    var out = [Float](repeating: .nan, count: 3 * image.width * image.height)
    ImageTransform.normalise(image, mean: mean, std: std, flipped: flipped, into: &out)
    return out
  }

  @Test func centreCropAndNormaliseEqualOpenCLIP() throws {
    let base = try Fixture.base()
    let cases = try Fixture.expected().centre_crops
    #expect(cases.count == 18)
    for entry in cases {
      let image = base.cropped(to: Fixture.box(entry.crop))
      let cut = ImageTransform.centreCrop(image, size: entry.size)
      #expect(Fixture.digest(cut) == entry.rgb, "\(entry.crop) → \(entry.size)")
      let digest = normalised(cut).withUnsafeBytes { SHA256Hasher.hexDigest(of: $0) }
      #expect(digest == entry.normalised, "\(entry.crop) → \(entry.size)")
    }
  }

  @Test(arguments: [(1, 1), (4, 3), (7, 5)])
  func flippedIsMirrored(width: Int, height: Int) throws {
    let base = try Fixture.base().cropped(to: Box(x: 3, y: 1, width: width, height: height))
    var mirror = base
    for y in 0..<height {
      for x in 0..<width { mirror[width - 1 - x, y] = base[x, y] }
    }
    #expect(normalised(base, flipped: true) == normalised(mirror))
  }

  @Test(arguments: [(97, 61), (1, 1), (2, 1_000), (1_000, 3), (224, 224)])
  func randomBoxesStayInsideAndKeepTheirBounds(width: Int, height: Int) {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let box = ImageTransform.randomResizedCropBox(
        width: width, height: height, scale: 0.2...0.9, generator: &generator)
      box.requireInside(width: width, height: height)
      guard width > 60 && height > 60 else { continue }
      let area = Double(box.width * box.height) / Double(width * height)
      #expect(area > 0.18 && area < 0.92)
      let aspect = Double(box.width) / Double(box.height)
      #expect(aspect > 0.72 && aspect < 1.4)
    }
  }

  @Test func aPictureThatNoBoxFitsGetsItsCentre() {
    var generator = SeededGenerator(seed: 1)
    let wide = ImageTransform.randomResizedCropBox(
      width: 1_000, height: 30, scale: 0.9...1, generator: &generator)
    #expect(wide == Box(x: 480, y: 0, width: 40, height: 30))
    let tall = ImageTransform.randomResizedCropBox(
      width: 30, height: 1_000, scale: 0.9...1, generator: &generator)
    #expect(tall == Box(x: 0, y: 480, width: 30, height: 40))
  }

  @Test func equalSeedsDrawEqualBoxes() {
    var first = SeededGenerator(seed: 5)
    var second = SeededGenerator(seed: 5)
    let boxes = (0..<2).map { index in
      (0..<20).map { _ in
        index == 0
          ? ImageTransform.randomResizedCropBox(width: 80, height: 70, scale: 0.1...1, generator: &first)
          : ImageTransform.randomResizedCropBox(width: 80, height: 70, scale: 0.1...1, generator: &second)
      }
    }
    #expect(boxes[0] == boxes[1])
    #expect(Set(boxes[0].map(\.x)).count > 5)
  }
}
