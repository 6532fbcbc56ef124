import Basics
import Foundation

@testable import Imaging

/// What `Fixtures/make_fixtures.py` wrote: pictures, and digests of what Pillow and open_clip make of them.
enum Fixture {
  struct Decode: Decodable {
    var width: Int
    var height: Int
    var rgb: String
    var over_white: String?
  }
  struct Resize: Decodable, Sendable {
    var crop: [Int]
    var size: [Int]
    var rgb: String
  }
  struct CentreCrop: Decodable, Sendable {
    var crop: [Int]
    var size: Int
    var rgb: String
    var normalised: String
  }
  struct Expected: Decodable {
    var decodes: [String: Decode]
    var resizes: [Resize]
    var centre_crops: [CentreCrop]
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = Bundle.module.resourceURL!.appendingPathComponent("Fixtures")
    return Array(try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  static func expected() throws -> Expected {
    try JSONDecoder().decode(Expected.self, from: Data(bytes("expected.json")))
  }

  static func base() throws -> RGBImage { try ImageDecoder.decode(bytes("base.png")) }

  static func box(_ crop: [Int]) -> Box { Box(x: crop[0], y: crop[1], width: crop[2], height: crop[3]) }

  static func digest(_ image: RGBImage) -> String { SHA256Hasher.hexDigest(of: image.pixels) }
}
