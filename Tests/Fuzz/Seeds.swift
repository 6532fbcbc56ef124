import Foundation
import ShardStream

/// Inputs to begin with: files below some folders, and the members of their tars.
struct Seeds {
  /// Larger ones cost time and try nothing else.
  private static let largestSize = 64 << 10

  /// In the order of their paths, so that a case is the same one again.
  private var files: [(name: String, bytes: [UInt8])] = []

  init(folders: [String]) throws {
    for folder in folders {
      for path in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() {
        add(URL(fileURLWithPath: folder).appendingPathComponent(path))
      }
    }
  }

  private mutating func add(_ url: URL) {
    let size = (try? FileManager.default.attributesOfItem(atPath: url.path))?[.size] as? Int
    guard let size, size <= Self.largestSize, let data = try? Data(contentsOf: url) else { return }
    files.append((url.lastPathComponent.lowercased(), Array(data)))
    if url.pathExtension == "tar" { addMembers(url) }
  }

  private mutating func addMembers(_ url: URL) {
    guard let file = try? ShardFile(url: url) else { return }
    var reader = TarReader(file: file)
    while let entry = try? reader.next() {
      guard let bytes = try? file.bytes(at: entry.offset, count: entry.size) else { return }
      files.append((entry.name.lowercased(), bytes))
    }
  }

  /// Those whose names end in one of `suffixes`, of each length one: the corpus is full of good samples that differ
  /// in a colour only.
  func ending(in suffixes: String...) -> [[UInt8]] {
    var seen = Set<Int>()
    return files.filter { file in suffixes.contains { file.name.hasSuffix($0) } }
      .map(\.bytes).filter { seen.insert($0.count).inserted }
  }
}
