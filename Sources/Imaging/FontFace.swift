import Basics
internal import CFreeType

/// One face of a font file, through FreeType: text for contact sheets, and the pictures of colour emoji fonts.
///
/// Not Sendable: FreeType's face is one thread's.
package final class FontFace {
  private let library: FT_Library
  private let face: FT_Face

  /// - Throws: `KelipError` when the file is missing or is no font.
  package init(path: String) throws {
    var library: FT_Library?
    precondition(FT_Init_FreeType(&library) == 0, "FT_Init_FreeType failed")
    var face: FT_Face?
    let status = FT_New_Face(library, path, 0, &face)
    guard status == 0, let library, let face else {
      FT_Done_FreeType(library)
      throw KelipError(
        "cannot open the font (FreeType error \(status))", at: path,
        hint: "check the path, or install the package that ships this font")
    }
    self.library = library
    self.face = face
  }

  deinit {
    FT_Done_Face(face)
    FT_Done_FreeType(library)
  }

  package func hasGlyph(_ scalar: Unicode.Scalar) -> Bool {
    FT_Get_Char_Index(face, FT_ULong(scalar.value)) != 0
  }

  /// The font's own colour picture of a character (Noto Color Emoji: 136 × 128), or `nil` where it has none.
  package func colourBitmap(of scalar: Unicode.Scalar) -> RGBAImage? {
    guard hasGlyph(scalar), face.pointee.num_fixed_sizes > 0, FT_Select_Size(face, 0) == 0 else { return nil }
    let flags = FT_Int32(FT_LOAD_COLOR)
    guard FT_Load_Char(face, FT_ULong(scalar.value), flags) == 0 else { return nil }
    let bitmap = face.pointee.glyph.pointee.bitmap
    guard bitmap.pixel_mode == UInt8(FT_PIXEL_MODE_BGRA.rawValue), bitmap.width > 0, bitmap.rows > 0,
      bitmap.pitch > 0
    else { return nil }
    return Self.straight(bitmap)
  }

  /// FreeType's BGRA is premultiplied; ours is not.
  private static func straight(_ bitmap: FT_Bitmap) -> RGBAImage {
    let width = Int(bitmap.width)
    let height = Int(bitmap.rows)
    var pixels = [UInt8](repeating: 0, count: width * height * 4)
    for y in 0..<height {
      let row = bitmap.buffer + y * Int(bitmap.pitch)
      for x in 0..<width {
        let alpha = Int(row[4 * x + 3])
        guard alpha > 0 else { continue }
        let at = (y * width + x) * 4
        for (channel, source) in [2, 1, 0].enumerated() {
          pixels[at + channel] = UInt8(min(255, (Int(row[4 * x + source]) * 255 + alpha / 2) / alpha))
        }
        pixels[at + 3] = UInt8(alpha)
      }
    }
    return RGBAImage(width: width, height: height, pixels: pixels)
  }

  /// Draws one line of text from `x`, its letters standing on `baseline`, and returns the width drawn.
  ///
  /// Text wider than `maxWidth` ends in "…". Characters that the font lacks show as its own empty box.
  @discardableResult
  package func drawText(
    onto image: inout RGBImage, _ text: String, x: Int, baseline: Int, pixelSize: Int, colour: RGBColour,
    maxWidth: Int = .max
  ) -> Int {
    precondition(pixelSize > 0)
    guard FT_Set_Pixel_Sizes(face, 0, FT_UInt(pixelSize)) == 0 else { return 0 }
    var pen = 0
    for scalar in fitted(text, maxWidth: maxWidth) {
      guard FT_Load_Char(face, FT_ULong(scalar.value), FT_Int32(FT_LOAD_RENDER)) == 0 else { continue }
      let slot = face.pointee.glyph.pointee
      let left = x + pen + Int(slot.bitmap_left)
      cover(&image, with: slot.bitmap, x: left, y: baseline - Int(slot.bitmap_top), colour)
      pen += slot.advance.x >> 6
    }
    return pen
  }

  /// What `drawText` returns for the whole text, without drawing it.
  package func width(of text: String, pixelSize: Int) -> Int {
    precondition(pixelSize > 0)
    guard FT_Set_Pixel_Sizes(face, 0, FT_UInt(pixelSize)) == 0 else { return 0 }
    return text.unicodeScalars.reduce(0) { $0 + advance(of: $1) }
  }

  /// The text's characters, shortened from the end until they and an ellipsis fit.
  private func fitted(_ text: String, maxWidth: Int) -> [Unicode.Scalar] {
    let scalars = Array(text.unicodeScalars)
    let advances = scalars.map(advance)
    if advances.reduce(0, +) <= maxWidth { return scalars }
    let room = maxWidth - advance(of: "…")
    var used = 0
    var count = 0
    while count < scalars.count, used + advances[count] <= room {
      used += advances[count]
      count += 1
    }
    return scalars[..<count] + ["…"]
  }

  private func advance(of scalar: Unicode.Scalar) -> Int {
    guard FT_Load_Char(face, FT_ULong(scalar.value), FT_Int32(FT_LOAD_DEFAULT)) == 0 else { return 0 }
    return face.pointee.glyph.pointee.advance.x >> 6
  }

  /// Blends `colour` by the glyph's 8-bit coverage, within the picture.
  private func cover(
    _ image: inout RGBImage, with bitmap: FT_Bitmap, x: Int, y: Int, _ colour: RGBColour
  ) {
    guard bitmap.pixel_mode == UInt8(FT_PIXEL_MODE_GRAY.rawValue), bitmap.pitch > 0 else { return }
    for row in 0..<Int(bitmap.rows) where (0..<image.height).contains(y + row) {
      for column in 0..<Int(bitmap.width) where (0..<image.width).contains(x + column) {
        let alpha = bitmap.buffer[row * Int(bitmap.pitch) + column]
        let below = image[x + column, y + row]
        image[x + column, y + row] = RGBColour(
          red: blend(colour.red, over: below.red, alpha: alpha),
          green: blend(colour.green, over: below.green, alpha: alpha),
          blue: blend(colour.blue, over: below.blue, alpha: alpha))
      }
    }
  }
}
