import Foundation
import Testing

@testable import Imaging

/// What `Fixtures/make_format_fixtures.py` wrote.
private struct Format: Decodable {
  struct Upright: Decodable {
    var width: Int
    var height: Int
    var rgb: String

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      width = try values.decode(Int.self)
      height = try values.decode(Int.self)
      rgb = try values.decode(String.self)
    }
  }
  var width: Int
  var height: Int
  var rgb: String
  var over_white: String?
  var upright: Upright

  static func all() throws -> [String: Format] {
    try JSONDecoder().decode([String: Format].self, from: Data(Fixture.bytes("formats.json")))
  }
}

private func bytes(_ name: String) throws -> [UInt8] { try Fixture.bytes("formats/\(name)") }

@Suite struct FormatTests {
  @Test func everyFormatDecodesAsPillowDoes() throws {
    let all = try Format.all()
    #expect(all.count == 37)
    for (name, entry) in all {
      let image = try ImageDecoder.decode(bytes(name))
      #expect(image.width == entry.width && image.height == entry.height, "\(name)")
      #expect(Fixture.digest(image) == entry.rgb, "\(name)")
    }
  }

  @Test func orientationIsAppliedAsPillowDoes() throws {
    let all = try Format.all()
    #expect(all.values.filter { $0.rgb != $0.upright.rgb }.count == 13)
    for (name, entry) in all {
      let image = try ImageDecoder.decode(bytes(name), upright: true)
      #expect(image.width == entry.upright.width && image.height == entry.upright.height, "\(name)")
      #expect(Fixture.digest(image) == entry.upright.rgb, "\(name)")
      let header = try bytes(name).withUnsafeBytes { try ImageHeader.read($0) }
      #expect(header.uprightSize == (image.width, image.height), "\(name)")
    }
  }

  @Test func alphaIsLaidOverTheBackground() throws {
    let all = try Format.all().filter { $0.value.over_white != nil }
    #expect(all.count == 7)
    for (name, entry) in all {
      let image = try ImageDecoder.decode(bytes(name), background: .white)
      #expect(Fixture.digest(image) == entry.over_white, "\(name)")
    }
  }

  @Test(arguments: ["lossy.webp", "lossless.webp", "lossy-alpha.webp", "animated.webp", "orientation-5.webp"])
  func aWebPCutShortIsTruncated(name: String) throws {
    let whole = try bytes(name)
    for length in [13, 19, 25, whole.count / 4, whole.count / 2, whole.count * 9 / 10, whole.count - 1] {
      #expect(throws: ImageFault.truncated, "\(name) at \(length)") {
        try ImageDecoder.decode(Array(whole[..<length]))
      }
    }
  }

  /// A container that was cut and then given its new length: the bitstream itself ends early.
  @Test(arguments: ["lossy.webp", "lossless.webp"]) func aBitstreamCutShortIsAFault(name: String) throws {
    var cut = Array(try bytes(name).dropLast(200))
    let length = UInt32(cut.count - 8)
    withUnsafeBytes(of: length.littleEndian) { cut.replaceSubrange(4..<8, with: $0) }
    let damaged = cut
    #expect(throws: ImageFault.self) { try ImageDecoder.decode(damaged) }
  }

  @Test(arguments: ["lossy.webp", "animated.webp", "orientation-6.png", "orientation-8.jpg"])
  func theSizeIsCheckedInTheHeader(name: String) throws {
    let whole = try bytes(name)
    let image = try ImageDecoder.decode(whole)
    #expect(throws: ImageFault.tooLarge(width: image.width, height: image.height)) {
      try ImageDecoder.decode(whole, maxPixels: image.width * image.height - 1)
    }
  }

  /// The flipped bits may leave a picture or a fault, but nothing else.
  @Test(arguments: [
    "lossy.webp", "lossless-alpha.webp", "animated-offset.webp", "palette-interlaced-transparent.png",
  ])
  func damagedBytesGiveAPictureOrAFault(name: String) throws {
    let whole = try bytes(name)
    var decodedCount = 0
    for position in stride(from: 0, to: whole.count, by: 3) {
      var damaged = whole
      damaged[position] ^= 0x10
      if let image = try? ImageDecoder.decode(damaged, maxPixels: 100_000, upright: true) {
        #expect(image.pixels.count == image.width * image.height * 3)
        decodedCount += 1
      }
    }
    #expect(decodedCount < whole.count / 3)
  }

  @Test(arguments: [
    ("GIF89a", "GIF"), ("  <!DOCTYPE html><p>404", "HTML"), ("\u{FEFF}<html>", "HTML"), ("BM1234", "BMP"),
    ("II*\0abc", "TIFF"), ("<svg xmlns=''/>", "SVG"), ("%PDF-1.4", "PDF"),
    ("\0\0\0 ftypavif", "AVIF, HEIF or MP4"),
  ])
  func otherFilesAreNamed(content: String, name: String) {
    let fault = ImageFault.unknownFormat(looksLike: name)
    #expect(throws: fault) { try ImageDecoder.decode(Array(content.utf8)) }
    #expect(fault.reason == "image_unknown_format" && fault.description.contains(name))
  }
}
