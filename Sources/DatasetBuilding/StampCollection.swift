import Basics
import Foundation
import Imaging

/// The stamps of Tux Paint: `NAME.png` with `NAME.txt` beside it, whose first line is English and whose line
/// `ko.utf8=…` is Korean, in folders by theme.
enum StampCollection {
  static func collect(directory: String) throws -> PictureCollection {
    guard let names = FileManager.default.enumerator(atPath: directory) else {
      throw KelipError("cannot list the stamps", at: directory)
    }
    let paths = names.compactMap { $0 as? String }.sorted()
    let present = Set(paths)
    var collection = PictureCollection()
    for path in paths {
      if path.hasSuffix(".png") {
        try add(path.dropping(suffix: ".png"), in: directory, present: present, to: &collection)
      } else if path.hasSuffix(".svg"), !present.contains(path.dropping(suffix: ".svg") + ".png") {
        collection.skip("stamp_only_as_svg")
      }
    }
    return collection
  }

  private static func add(
    _ name: String, in directory: String, present: Set<String>, to collection: inout PictureCollection
  ) throws {
    guard present.contains(name + ".txt") else { return collection.skip("stamp_without_caption") }
    let captions = captions(inText: try read("\(directory)/\(name).txt"))
    guard !captions.isEmpty else { return collection.skip("stamp_without_caption") }
    if captions[.english] == nil { collection.skip("stamp_without_english_caption") }
    if captions[.korean] == nil { collection.skip("stamp_without_korean_caption") }
    do throws(ImageFault) {
      let image = try ImageDecoder.decode(readBytes("\(directory)/\(name).png"), background: .white)
      collection.pictures.append(
        CaptionedPicture(
          id: "\(PictureSource.tuxpaintStamps.rawValue)/\(name)", source: .tuxpaintStamps,
          theme: name.split(separator: "/").first.map(String.init) ?? name, captions: captions, image: image))
    } catch {
      collection.skip("stamp_\(error.reason)")
    }
  }

  static func captions(inText text: String) -> [CaptionLanguage: String] {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var captions: [CaptionLanguage: String] = [:]
    captions[.english] = lines.first.flatMap { caption($0) }
    captions[.korean] = lines.first { $0.hasPrefix("ko.utf8=") }.flatMap { caption($0.dropFirst(8)) }
    return captions
  }

  private static func caption(_ text: Substring) -> String? {
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return trimmed.isEmpty ? nil : trimmed
  }

  private static func read(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw KelipError("cannot read the captions", at: path)
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// An unreadable picture is an empty one, and counted as such.
  private static func readBytes(_ path: String) -> [UInt8] {
    FileManager.default.contents(atPath: path).map { Array($0) } ?? []
  }
}

extension String {
  fileprivate func dropping(suffix: String) -> String { String(dropLast(suffix.count)) }
}
