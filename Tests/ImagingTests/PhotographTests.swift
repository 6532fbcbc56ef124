import Foundation
import Testing

@testable import Imaging

/// What `Fixtures/make_photo_fixtures.py` wrote.
private struct Photographs: Decodable {
  struct Resize: Decodable {
    var crop: [Int]
    var size: [Int]
    var rgb: String
  }
  struct View: Decodable {
    var crop: [Int]
    var size: Int
  }
  var decodes: [String: String]
  var resizes: [Resize]
  var views: [View]

  static func load() throws -> Photographs {
    try JSONDecoder().decode(Photographs.self, from: Data(Fixture.bytes("photo.json")))
  }
}

@Suite struct PhotographTests {
  private func photo(_ name: String = "photo.jpg") throws -> [UInt8] { try Fixture.bytes("photo/\(name)") }

  @Test func decodingAndResizingEqualPillow() throws {
    let expected = try Photographs.load()
    #expect(expected.decodes.count == 2 && expected.resizes.count == 9)
    for (name, digest) in expected.decodes {
      #expect(Fixture.digest(try ImageDecoder.decode(photo(name))) == digest, "\(name)")
    }
    let image = try ImageDecoder.decode(photo())
    for entry in expected.resizes {
      let resized = Resampling.resize(
        image, crop: Fixture.box(entry.crop), width: entry.size[0], height: entry.size[1])
      #expect(Fixture.digest(resized) == entry.rgb, "\(entry.crop) → \(entry.size)")
    }
  }

  /// A view of the photograph, drawn at `scale`, as whole values.
  private func drawn(_ view: ImageView, scale: JPEGScale) throws -> [Float] {
    let workspace = ImageWorkspace()
    var values = [Float](repeating: .nan, count: 3 * view.window.width * view.window.height)
    try photo().withUnsafeBytes { bytes in
      let picture = try workspace.decode(bytes, ImageHeader.read(bytes), scale: scale)
      workspace.draw(view, of: picture, mean: .zero, std: SIMD3(repeating: 1 / 255), into: &values)
    }
    return values
  }

  @Test func scaledDecodingStaysCloseToPillowsWholeOne() throws {
    for (number, entry) in try Photographs.load().views.enumerated() {
      let expected = try ImageDecoder.decode(Fixture.bytes("photo/view-\(number).png"))
      let view = ImageView(source: Fixture.box(entry.crop), width: entry.size, height: entry.size)
      let scale = JPEGScale.smallest(for: [view])
      #expect(scale.eighths == [4, 4, 2, 1][number])
      let values = try drawn(view, scale: scale)
      let count = entry.size * entry.size
      let distances = (0..<(3 * count)).map { at in
        abs(values[at] - Float(expected.pixels[at % count * 3 + at / count]))
      }
      let mean = distances.reduce(0, +) / Float(distances.count)
      #expect(mean < 2.5, "\(entry.crop) → \(entry.size)")
      #expect(mean > 0)
      let whole = try drawn(view, scale: .full)
      #expect(
        zip(whole, 0...).allSatisfy { abs($0 - Float(expected.pixels[$1 % count * 3 + $1 / count])) < 0.01 })
    }
  }

  @Test func theMostDemandingViewDecidesTheScale() {
    let whole = Box(x: 0, y: 0, width: 800, height: 600)
    let small = ImageView(source: whole, width: 60, height: 60)
    let large = ImageView(source: whole, width: 224, height: 224)
    let part = ImageView(source: Box(x: 9, y: 9, width: 230, height: 400), width: 224, height: 224)
    #expect(JPEGScale.smallest(for: [small]).eighths == 1)
    #expect(JPEGScale.smallest(for: [small, large]).eighths == 4)
    #expect(JPEGScale.smallest(for: [large, part, small]) == .full)
  }
}
