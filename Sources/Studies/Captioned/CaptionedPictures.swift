import Basics
import Curation
import Foundation

/// Picture files with any number of captions each, as COCO and Flickr30k have them.
package struct CaptionedPictures: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    package var path: String
    package var captions: [String]
  }

  package let entries: [Entry]

  /// Karpathy's JSON of COCO or Flickr30k (`dataset_coco.json`): `images` with `filename`, perhaps `filepath`, `split` and
  /// `sentences` with `raw`.
  ///
  /// - Parameters:
  ///   - folder: where the pictures lie; `filepath` counts from there.
  ///   - split: only these pictures.
  package init(karpathy path: String, folder: String, split: String) throws {
    let file: File
    do {
      file = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw KelipError("not Karpathy's captions: \(error)", at: path)
    }
    try self.init(
      file.images.filter { $0.split == split }.map { image in
        Entry(
          path: [folder, image.filepath ?? "", image.filename].filter { !$0.isEmpty }.joined(separator: "/"),
          captions: image.sentences.map(\.raw))
      }, split: split, from: path)
  }

  private struct File: Decodable {
    struct Image: Decodable {
      var filename: String
      var filepath: String?
      var split: String
      var sentences: [Sentence]
    }
    struct Sentence: Decodable { var raw: String }
    var images: [Image]
  }

  /// A table of Flickr30k: `flickr_annotations_30k.csv` (columns `raw`, a JSON list of captions, `filename`, `split`), or
  /// `results.csv` (`image_name| comment_number| comment`, a row a caption, without splits).
  package init(flickr30k path: String, folder: String, split: String) throws {
    let url = URL(fileURLWithPath: path)
    let isPiped = try Self.firstLine(url).contains("|")
    var reader = try DelimitedReader(
      url, delimiter: UInt8(ascii: isPiped ? "|" : ","), honoursQuotes: !isPiped)
    let head = try reader.next()?.fields.map(Self.text) ?? []
    func column(_ name: String) throws -> Int {
      guard let place = head.firstIndex(of: name) else {
        throw KelipError(
          "the columns are \(head.joined(separator: ", "))", at: path,
          hint: isPiped ? "expected image_name| comment_number| comment" : "expected raw, filename and split")
      }
      return place
    }
    var captions: [String: [String]] = [:]
    var names: [String] = []
    let (name, caption) = try (
      column(isPiped ? "image_name" : "filename"), column(isPiped ? "comment" : "raw")
    )
    let splitColumn = isPiped ? nil : try column("split")
    while let record = try reader.next() {
      let fields = record.fields.map(Self.text)
      // Flickr30k's own table has a row that lacks a bar.
      guard fields.count > max(name, caption, splitColumn ?? 0) else { continue }
      guard splitColumn.map({ fields[$0] == split }) ?? true else { continue }
      let found = isPiped ? [fields[caption]] : try Self.list(fields[caption], record.offset, path)
      if captions[fields[name]] == nil { names.append(fields[name]) }
      captions[fields[name], default: []] += found
    }
    try self.init(
      names.map { Entry(path: "\(folder)/\($0)", captions: captions[$0]!) }, split: split, from: path)
  }

  private init(_ entries: [Entry], split: String, from path: String) throws {
    self.entries = entries.filter { !$0.captions.isEmpty }
    guard !self.entries.isEmpty else {
      throw KelipError(
        "there are no captions of split \(split)", at: path, hint: "--split names it, such as test or val")
    }
  }

  private static func firstLine(_ url: URL) throws -> String {
    do {
      let handle = try FileHandle(forReadingFrom: url)
      let head = try handle.read(upToCount: 4096) ?? Data()
      return String(decoding: head.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    } catch {
      throw KelipError("cannot read the table: \(error.localizedDescription)", at: url.path)
    }
  }

  private static func text(_ field: [UInt8]) -> String {
    String(decoding: field, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func list(_ text: String, _ offset: Int, _ path: String) throws -> [String] {
    do {
      return try JSONDecoder().decode([String].self, from: Data(text.utf8))
    } catch {
      throw KelipError("the record at byte \(offset) has no list of captions in raw", at: path)
    }
  }
}
