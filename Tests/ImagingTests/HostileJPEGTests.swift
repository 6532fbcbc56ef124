import Testing

@testable import Imaging

@Suite struct HostileJPEGTests {
  /// SOI, then a frame header of this size, tables left out, then the marker of a scan.
  private func skeleton(frame: UInt8 = 0xC0, width: Int, height: Int, scans: Int = 1) -> [UInt8] {
    let size = [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)]
    let component: [UInt8] = [1, 1, 0x11, 0]
    let scan: [UInt8] = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0]
    return [0xFF, 0xD8, 0xFF, frame, 0, 11, 8] + size + component
      + Array(repeatElement(scan, count: scans).joined()) + [0xFF, 0xD9]
  }

  @Test func theLargestSizeIsRefusedByItsHeader() {
    #expect(throws: ImageFault.tooLarge(width: 65_500, height: 65_500)) {
      try ImageDecoder.decode(skeleton(width: 65_500, height: 65_500))
    }
  }

  @Test(arguments: [(0, 8), (8, 0)]) func aSideOfNothingIsCorrupt(width: Int, height: Int) {
    #expect {
      _ = try ImageDecoder.decode(skeleton(width: width, height: height))
    } throws: {
      ($0 as? ImageFault)?.reason == "image_corrupt"
    }
  }

  @Test(arguments: ["rgb-420.jpg", "rgb-progressive.jpg", "cmyk.jpg", "grey.jpg"])
  func aFileCutAnywhereIsTruncated(name: String) throws {
    let bytes = try Fixture.bytes(name)
    for count in stride(from: 3, to: bytes.count - 1, by: 5) {
      #expect(throws: ImageFault.truncated, "cut at \(count) of \(bytes.count)") {
        try ImageDecoder.decode(Array(bytes[..<count]))
      }
    }
  }

  @Test func scansBeyondReasonAreRefusedBeforeDecoding() {
    #expect(throws: ImageFault.tooManyScans(limit: 500)) {
      try ImageDecoder.decode(skeleton(frame: 0xC2, width: 64, height: 64, scans: 80_000))
    }
    // Each scan goes over the whole picture: a large one may have fewer.
    #expect(throws: ImageFault.tooManyScans(limit: 44)) {
      try ImageDecoder.decode(skeleton(frame: 0xC2, width: 4_900, height: 4_900, scans: 45))
    }
  }

  @Test func aFileWithoutAPictureIsAFault() {
    for bytes: [UInt8] in [[0xFF, 0xD8, 0xFF, 0xD9, 0, 0], [0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 0, 0]] {
      #expect {
        _ = try ImageDecoder.decode(bytes)
      } throws: {
        ($0 as? ImageFault)?.reason == "image_corrupt"
      }
    }
  }

  /// A segment that claims a length below its own two bytes must not send the reader in circles.
  @Test func aSegmentOfNoLengthEnds() {
    #expect(throws: ImageFault.self) {
      try ImageDecoder.decode([0xFF, 0xD8, 0xFF, 0xE1, 0, 0, 0xFF, 0xE1, 0, 0])
    }
  }
}
