/// WebDataset's reading of a member's path: the key ends at the first dot of the base name.
///
/// `part/0001.seg.png` has the key `part/0001` and the extension `seg.png`.
/// Source: webdataset 1.0, `base_plus_ext`.
package struct SampleName: Equatable {
  package let key: String
  /// In lower case, without the leading dot.
  package let fileExtension: String

  /// Nil for what belongs to no sample: no dot, a hidden file, or a `__meta__` entry.
  ///
  /// A hidden file in a folder without dots is a member of a sample named as the folder, slash included; the
  /// reference's expression reads it so, and a sample's members are no longer adjacent with one between them.
  package init?(path: String) {
    let bytes = path.utf8
    guard !Self.isMeta(path) else { return nil }
    let base = bytes.lastIndex(of: UInt8(ascii: "/")).map(bytes.index(after:)) ?? bytes.startIndex
    guard let dot = bytes[base...].firstIndex(of: UInt8(ascii: ".")) else { return nil }
    if dot == base, base == bytes.startIndex || bytes[..<base].contains(UInt8(ascii: ".")) { return nil }
    self.key = String(path[..<dot])
    self.fileExtension = path[bytes.index(after: dot)...].lowercased()
  }

  /// `__meta__`-like entries are not data: the first component begins and ends with two underscores.
  private static func isMeta(_ path: String) -> Bool {
    let first = path.utf8.prefix { $0 != UInt8(ascii: "/") }
    return first.count >= 4 && first.starts(with: "__".utf8) && first.suffix(2).elementsEqual("__".utf8)
  }
}
