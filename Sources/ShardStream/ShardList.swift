import Basics
import Foundation

/// Turns what a config says (`data.train`) into an ordered list of shard files.
package enum ShardList {
  private static let expectation =
    "give a folder with .tar files, a glob such as shards/*.tar, a range such as "
    + "shards/{00000..00012}.tar, or a list of these"

  package static func resolve(_ spec: String) throws -> [URL] { try resolve([spec]) }

  /// Folders and globs give their files in byte order, a list keeps its own order. Folders are not searched
  /// deeper than their direct children.
  package static func resolve(_ specs: [String]) throws -> [URL] {
    guard !specs.isEmpty else { throw KelipError("the list of shards is empty", hint: expectation) }
    let paths = try specs.flatMap(paths)
    var seen = Set<String>()
    for path in paths where !seen.insert(path).inserted {
      throw KelipError(
        "the shard is listed twice", at: path, hint: "its samples would be seen twice an epoch: list it once")
    }
    return paths.map { URL(fileURLWithPath: $0, isDirectory: false) }
  }

  private static func paths(_ spec: String) throws -> [String] {
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

  private static func children(of folder: String) throws -> [String] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw KelipError("cannot list the folder: \(error.localizedDescription)", at: folder)
    }
    let tars = names.filter { $0.hasSuffix(".tar") && !$0.hasPrefix(".") }.sorted(by: byteOrder)
    guard !tars.isEmpty else {
      throw KelipError("the folder holds no .tar file", at: folder, hint: expectation)
    }
    return tars.map { (folder as NSString).appendingPathComponent($0) }
  }

  private static func glob(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard Foundation.glob(pattern, 0, nil, &result) == 0 else { return [] }
    let paths = (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
    return paths.sorted(by: byteOrder)
  }

  private static func byteOrder(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
