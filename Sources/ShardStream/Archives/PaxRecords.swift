/// The records of a PAX extended header that change how the next member is read.
struct PaxRecords: Equatable {
  var path: String? { sparseName ?? plainPath }
  var size: Int?
  /// One of GNU's sparse formats: the data begin with a map, or have holes that only the records tell.
  var isSparse = false
  private var plainPath: String?
  private var sparseName: String?

  /// Parses `LENGTH KEY=VALUE\n` records; the length counts itself. Nil when a record does not fit.
  init?(_ bytes: [UInt8]) {
    // Some writers pad the records with NULs to the header's size.
    var rest = bytes[...]
    while let first = rest.first, first != 0 {
      guard let space = rest.firstIndex(of: 32),
        let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
        length > space - rest.startIndex + 1, length <= rest.count
      else { return nil }
      let end = rest.startIndex + length
      guard rest[end - 1] == 10, let equals = rest[space..<end].firstIndex(of: 61) else { return nil }
      let key = String(decoding: rest[(space + 1)..<equals], as: UTF8.self)
      guard take(key, rest[(equals + 1)..<(end - 1)]) else { return nil }
      rest = rest[end...]
    }
  }

  /// False when the value of a known key is not usable.
  private mutating func take(_ key: String, _ value: ArraySlice<UInt8>) -> Bool {
    switch key {
    case "GNU.sparse.name": sparseName = TarName.decode(value)
    case "path": plainPath = TarName.decode(value)
    case "size":
      guard let number = Int(String(decoding: value, as: UTF8.self)), number >= 0 else { return false }
      size = number
    default: break
    }
    if key.hasPrefix("GNU.sparse.") { isSparse = true }
    return true
  }
}
