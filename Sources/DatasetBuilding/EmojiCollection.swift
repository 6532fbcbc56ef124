import Basics
import Imaging

/// Emoji of one code point, drawn from a colour font's own bitmaps and captioned with their CLDR names.
enum EmojiCollection {
  static func collect(fontPath: String, cldrDirectory: String) throws -> PictureCollection {
    let font = try FontFace(path: fontPath)
    let english = try CharacterNames(path: "\(cldrDirectory)/annotations/en.xml")
    let korean = try CharacterNames(path: "\(cldrDirectory)/annotations/ko.xml")
    let groups = try CharacterGroups(
      path: "\(cldrDirectory)/properties/labels.txt", order: english.ordered.map(\.scalar))
    var collection = PictureCollection()
    let scalars = Set(english.byScalar.keys).union(korean.byScalar.keys).filter(isPictured)
    for scalar in scalars.sorted() {
      guard let englishName = english.byScalar[scalar] else {
        collection.skip("emoji_without_english_name")
        continue
      }
      guard let koreanName = korean.byScalar[scalar] else {
        collection.skip("emoji_without_korean_name")
        continue
      }
      guard let bitmap = font.colourBitmap(of: scalar) else {
        collection.skip("emoji_without_colour_bitmap")
        continue
      }
      collection.pictures.append(
        CaptionedPicture(
          id: "\(PictureSource.notoEmoji.rawValue)/\(String(scalar.value, radix: 16))", source: .notoEmoji,
          theme: groups[scalar] ?? "other-emoji",
          captions: [.english: englishName, .korean: koreanName],
          image: bitmap.composited(over: .white)))
    }
    return collection
  }

  /// Digits, `#` and `*` count as emoji because keycaps begin with them; alone they are text.
  private static func isPictured(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isEmoji && !scalar.isASCII
  }
}
