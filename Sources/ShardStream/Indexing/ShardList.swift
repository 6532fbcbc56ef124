import Basics
import Foundation

/// Turns what a config says (`data.train`) into an ordered list of shard files.
package enum ShardList {
  private static let expectation =
    "give a folder with .tar or .tar.zst files, a glob such as shards/*.tar, a range such as "
    + "shards/{00000..00012}.tar, @FILE with a path a line, or a list of these"
  private static let endings = [".tar", ".tar.zst"]
  /// What lies beside shards; a glob may well match it.
  private static let otherEndings = [SidecarPlace.suffix, ".json", ".parquet"]

  package static func resolve(_ spec: String) throws -> [URL] { try resolve([spec]) }

  /// Folders and globs give their files in byte order, a list keeps its own order. Folders are not searched
  /// deeper than their direct children.
  package static func resolve(_ specs: [String]) throws -> [URL] {
    guard !specs.isEmpty else { throw KelipError("the list of shards is empty", hint: expectation) }
    let paths = try specs.flatMap(paths)
    var seen = Set<String>()
    for path in paths where !seen.insert(plain(path)).inserted {
      throw KelipError(
        "the shard is listed twice", at: path, hint: "its samples would be seen twice an epoch: list it once")
    }
    return paths.map { URL(fileURLWithPath: $0, isDirectory: false) }
  }

  /// A shard and its compressed copy are one.
  private static func plain(_ path: String) -> String {
    path.hasSuffix(".tar.zst") ? String(path.dropLast(4)) : path
  }

  private static func paths(_ spec: String) throws -> [String] {
    if spec.hasPrefix("@") { return try lines(ofFile: String(spec.dropFirst())) }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: spec, isDirectory: &isFolder) {
      return isFolder.boolValue ? try children(of: spec) : [spec]
    }
    return try BraceExpansion.expand(spec).flatMap { path in
      let matches = glob(path)
      guard !matches.isEmpty else {
        let part = path == spec ? "" : " (part of \(spec))"
        throw KelipError("no shard matches this path\(part)", at: path, hint: expectation)
      }
      return matches
    }
  }

  /// Paths as they are, one a line; whether they are there shows when they are opened.
  private static func lines(ofFile path: String) throws -> [String] {
    let text = try TextFile.read(path, "the list of shards")
    let paths = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
    guard !paths.isEmpty else { throw KelipError("the list of shards is empty", at: path, hint: expectation) }
    return paths.map(String.init)
  }

  private static func children(of folder: String) throws -> [String] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw KelipError("cannot list the folder: \(error.localizedDescription)", at: folder)
    }
    let tars = names.filter { name in !name.hasPrefix(".") && endings.contains(where: name.hasSuffix) }
      .sorted(by: byteOrder)
    guard !tars.isEmpty else {
      throw KelipError("the folder holds no .tar or .tar.zst file", at: folder, hint: expectation)
    }
    return tars.map { (folder as NSString).appendingPathComponent($0) }
  }

  private static func glob(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard Foundation.glob(pattern, 0, nil, &result) == 0 else { return [] }
    let paths = (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
    let isPattern = pattern.contains { "*?[".contains($0) }
    return paths.filter { path in !isPattern || !otherEndings.contains(where: path.hasSuffix) }
      .sorted(by: byteOrder)
  }

  private static func byteOrder(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
