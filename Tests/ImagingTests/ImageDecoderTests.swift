import Testing

@testable import Imaging

@Suite struct ImageDecoderTests {
  @Test func everyPictureDecodesAsPillowDoes() throws {
    let expected = try Fixture.expected().decodes
    #expect(expected.count == 28)
    for (name, entry) in expected {
      let image = try ImageDecoder.decode(Fixture.bytes(name))
      #expect(image.width == entry.width && image.height == entry.height, "\(name)")
      #expect(Fixture.digest(image) == entry.rgb, "\(name)")
    }
  }

  @Test func transparentPicturesAreLaidOverTheBackground() throws {
    let expected = try Fixture.expected().decodes.filter { $0.value.over_white != nil }
    #expect(expected.count == 5)
    for (name, entry) in expected {
      let image = try ImageDecoder.decode(Fixture.bytes(name), background: .white)
      #expect(Fixture.digest(image) == entry.over_white, "\(name)")
    }
  }

  @Test(arguments: ["rgb-420.jpg", "rgb-progressive.jpg", "cmyk.jpg", "rgb8.png", "rgba16-interlaced.png"])
  func aFileCutShortIsTruncated(name: String) throws {
    let bytes = try Fixture.bytes(name)
    for length in [12, 20, bytes.count / 4, bytes.count / 2, bytes.count * 9 / 10] {
      #expect(throws: ImageFault.truncated, "\(name) at \(length)") {
        try ImageDecoder.decode(Array(bytes[..<length]))
      }
    }
  }

  @Test func otherBytesAreNamedFaults() throws {
    #expect(throws: ImageFault.empty) { try ImageDecoder.decode([]) }
    #expect(throws: ImageFault.unknownFormat(looksLike: nil)) { try ImageDecoder.decode([0xFF]) }
  }

  @Test(arguments: ["rgb8.png", "grey.jpg"])
  func tooManyPixelsAreRefused(name: String) throws {
    let bytes = try Fixture.bytes(name)
    let image = try ImageDecoder.decode(bytes)
    let count = image.width * image.height
    #expect(try ImageDecoder.decode(bytes, maxPixels: count) == image)
    #expect(throws: ImageFault.tooLarge(width: image.width, height: image.height)) {
      try ImageDecoder.decode(bytes, maxPixels: count - 1)
    }
  }

  @Test func aDamagedChecksumIsCorrupt() throws {
    var bytes = try Fixture.bytes("rgb8.png")
    bytes[17] ^= 1  // within IHDR, whose CRC no longer fits
    let damaged = bytes
    #expect {
      _ = try ImageDecoder.decode(damaged)
    } throws: {
      ($0 as? ImageFault)?.reason == "image_corrupt"
    }
  }

  @Test func aJPEGWithoutTablesIsCorrupt() throws {
    var bytes = try Fixture.bytes("rgb-420.jpg")
    let table = bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDB }!
    bytes[table + 1] = 0xEE  // a quantisation table turned into a comment-like segment
    let damaged = bytes
    #expect {
      _ = try ImageDecoder.decode(damaged)
    } throws: {
      ($0 as? ImageFault)?.reason == "image_corrupt"
    }
  }
}
