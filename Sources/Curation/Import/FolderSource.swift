import Basics
import Foundation
import Imaging

/// A folder of pictures with `.txt` files beside them, or with a table of captions in each folder, by way of a list that is
/// made once: two columns in a TSV-like file, the picture's path and either the caption file's path or the caption.
struct FolderSource: ImportSource {
  static let captionTables = ["captions.tsv", "captions.csv", "metadata.csv"]

  /// What the list says of a picture.
  struct Entry: Codable, Equatable {
    /// From the folder.
    var image: String
    /// Of a caption file.
    var text: String?
    var caption: String?
    /// The table's caption is not UTF-8.
    var isSpoilt: Bool?
  }

  let list: URL
  let offsets: RowOffsets

  var count: Int { offsets.count }

  /// Walks the folder in byte order of names, each folder's own pictures first, and writes the list. Hidden files and
  /// folders, and links to folders, are passed over.
  static func writeList(of folder: URL, columns: TableColumns, to url: URL) throws {
    let partial = url.appendingPathExtension("partial")
    let file = try OutputFile(partial)
    try walk(folder.path, "", columns) { entry in
      try file.write(JSONEncoder.stable.encode(entry) + [UInt8(ascii: "\n")])
    }
    try file.finish()
    try AtomicFile.move(partial, to: url)
  }

  private static func walk(
    _ root: String, _ folder: String, _ columns: TableColumns, _ body: (Entry) throws -> Void
  ) throws {
    let path = root + "/" + folder
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw KelipError("cannot list the folder: \(error.localizedDescription)", at: path)
    }
    let present = Set(names)
    let captions = try captionTables.first(where: present.contains).map {
      try TableSource.captions(URL(fileURLWithPath: path + "/" + $0), columns: columns)
    }
    var folders: [String] = []
    for name in names {
      var status = stat()
      guard lstat(path + "/" + name, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR { folders.append(name) }
      guard status.st_mode & S_IFMT != S_IFDIR, ImageFormat.isFileName(name) else { continue }
      try body(entry(name, in: folder, present: present, captions: captions))
    }
    for name in folders { try walk(root, folder + name + "/", columns, body) }
  }

  private static func entry(
    _ name: String, in folder: String, present: Set<String>, captions: [String: [UInt8]]?
  ) -> Entry {
    let text = (name as NSString).deletingPathExtension + ".txt"
    if present.contains(text) { return Entry(image: folder + name, text: folder + text) }
    guard let caption = captions?[name] else { return Entry(image: folder + name) }
    let valid = String(validating: caption, as: UTF8.self)
    return Entry(image: folder + name, caption: valid, isSpoilt: valid == nil ? true : nil)
  }

  /// A list has a line a picture, and no line end within.
  static func scan(_ list: URL, stride: Int) throws -> RowOffsets {
    var reader = try DelimitedReader(list, delimiter: 0, honoursQuotes: false)
    var offsets = RowOffsets(stride: stride)
    while let record = try reader.next() {
      if offsets.count.isMultiple(of: stride) { offsets.starts.append(record.offset) }
      offsets.count += 1
    }
    return offsets
  }

  func forEach(in range: Range<Int>, _ body: (Int, Result<ImportRow, NamedFault>) throws -> Void) throws {
    guard !range.isEmpty else { return }
    precondition(range.lowerBound.isMultiple(of: offsets.stride))
    var reader = try DelimitedReader(
      list, delimiter: 0, honoursQuotes: false, offset: offsets.starts[range.lowerBound / offsets.stride])
    for number in range {
      guard let record = try reader.next(),
        let entry = try? JSONDecoder().decode(Entry.self, from: Data(record.fields[0]))
      else {
        throw KelipError("the list of pictures is damaged", at: list.path, hint: "remove the output folder")
      }
      try body(number, row(number, entry))
    }
  }

  private func row(_ number: Int, _ entry: Entry) -> Result<ImportRow, NamedFault> {
    if entry.isSpoilt == true { return .failure(NamedFault(name: entry.image, fault: .captionNotUTF8)) }
    guard
      let caption = entry.text.map(ImportRow.Content.file) ?? entry.caption.map({ .bytes(Array($0.utf8)) })
    else { return .failure(NamedFault(name: entry.image, fault: .captionMissing)) }
    return .success(
      ImportRow(
        number: number, name: entry.image, picture: .file(entry.image), caption: caption,
        metadata: ["source": entry.image]))
  }
}
