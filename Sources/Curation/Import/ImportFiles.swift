import Foundation

/// Reads files named by a source, and no others: a path may not lead out of the source's folder unless allowed.
struct ImportFiles: Sendable {
  static let largestPicture = 256 << 20
  static let largestCaption = 1 << 20

  let root: URL
  let allowsOutside: Bool
  private let rootPath: String

  init(root: URL, allowsOutside: Bool) {
    self.root = root
    self.allowsOutside = allowsOutside
    rootPath = Self.realPath(root.path) ?? root.path
  }

  /// `path` as meant from the root.
  func resolve(_ path: String) throws(ImportFault) -> String {
    let resolved = path.hasPrefix("/") ? path : root.path + "/" + path
    if allowsOutside { return resolved }
    guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else { throw .pathOutside }
    // A symbolic link may lead out as well.
    guard let real = Self.realPath(resolved) else { return resolved }
    guard real.hasPrefix(rootPath.hasSuffix("/") ? rootPath : rootPath + "/") else { throw .pathOutside }
    return resolved
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The bytes of a regular file of at most `limit` bytes.
  func read(_ path: String, limit: Int, missing: ImportFault, unreadable: ImportFault, tooLarge: ImportFault)
    throws(ImportFault) -> [UInt8]
  {
    let path = try resolve(path)
    var status = stat()
    guard stat(path, &status) == 0 else { throw missing }
    guard status.st_mode & S_IFMT == S_IFREG else { throw unreadable }
    guard status.st_size <= limit else { throw tooLarge }
    guard let data = FileManager.default.contents(atPath: path) else { throw unreadable }
    return Array(data)
  }
}
