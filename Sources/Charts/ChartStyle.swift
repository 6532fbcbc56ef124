import Basics
import Foundation
import Imaging

/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008), and greys for what is not data.
package enum ChartColour {
  package static let text = RGBColour(red: 30, green: 30, blue: 34)
  package static let quiet = RGBColour(red: 105, green: 108, blue: 116)
  package static let backing = RGBColour(red: 240, green: 240, blue: 242)
  package static let right = RGBColour(red: 22, green: 163, blue: 74)
  static let axis = RGBColour(red: 130, green: 133, blue: 140)
  static let grid = RGBColour(red: 230, green: 231, blue: 234)
  /// The series in front.
  static let series = RGBColour(red: 0, green: 114, blue: 178)
  /// The series behind it: what there was before.
  static let earlier = RGBColour(red: 200, green: 205, blue: 213)
  static let earlierOutline = RGBColour(red: 110, green: 116, blue: 128)
  static let threshold = RGBColour(red: 213, green: 94, blue: 0)
}

/// The fonts with Korean and Latin letters that Debian has, best first.
package enum ChartFont {
  package static let candidates = [
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
  ]

  /// Opens `path`, or the first candidate that is installed.
  package static func open(_ path: String? = nil) throws -> FontFace {
    if let path { return try FontFace(path: path) }
    guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw KelipError(
        "no font for pictures is installed", at: candidates[0], hint: "apt-get install fonts-nanum")
    }
    return try FontFace(path: found)
  }
}

extension RGBImage {
  /// Writes the picture as a PNG. The file appears whole or not at all.
  package func writePNG(to url: URL) throws {
    try AtomicFile.write(PNGCodec.encode(self), to: url)
  }
}
