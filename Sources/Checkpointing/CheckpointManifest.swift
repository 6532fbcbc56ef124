import Basics
import Foundation

/// A file of a checkpoint, as its manifest knows it.
package struct FileRecord: Codable, Sendable, Equatable {
  package var name: String
  package var size: Int
  /// XXH3 of 128 bits, 32 hexadecimal digits, as `xxhsum -H2` prints them.
  package var xxh3: String

  package init(name: String, size: Int, xxh3: String) {
    self.name = name
    self.size = size
    self.xxh3 = xxh3
  }
}

/// `manifest.json`: written last, so that a checkpoint without one is not a checkpoint.
package struct CheckpointManifest: Codable, Sendable, Equatable {
  package static let fileName = "manifest.json"
  private static let currentFormat = 3

  package var format = Self.currentFormat
  package var step: Int
  package var files: [FileRecord]
  /// Of the manifest's own text with nothing in this place: nothing else vouches for it.
  private var xxh3 = ""

  init(step: Int, files: [FileRecord]) {
    self.step = step
    self.files = files
    xxh3 = ownDigest
  }

  private var ownDigest: String {
    var bare = self
    bare.xxh3 = ""
    let hasher = XXH3Hasher()
    bare.encoded().withUnsafeBytes { hasher.update($0) }
    return hasher.hexDigest
  }

  /// Of a checkpoint's folder.
  package init(readingFrom folder: URL) throws {
    let url = folder.appendingPathComponent(Self.fileName)
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw KelipError("no \(Self.fileName): the checkpoint is not complete", at: folder.path)
    }
    let bytes: Data
    do {
      bytes = try Data(contentsOf: url)
      self = try JSONDecoder().decode(Self.self, from: bytes)
    } catch {
      throw KelipError("not a checkpoint's manifest: \(error)", at: url.path)
    }
    guard format == Self.currentFormat else {
      throw KelipError("manifest of unknown format \(format)", at: url.path)
    }
    guard encoded() == bytes, xxh3 == ownDigest else {
      throw KelipError("the manifest is not as it was written", at: url.path)
    }
    for file in files where !Self.isPlain(file.name) {
      throw KelipError("manifest names \(file.name), outside the checkpoint", at: url.path)
    }
  }

  func encoded() -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Texts and integers: there is nothing that JSON cannot say.
    return try! encoder.encode(self) + Data("\n".utf8)
  }

  /// Whether every file is there with its size; cheap, and blind to changed bytes.
  func checkSizes(in folder: URL) throws {
    for file in files {
      let path = folder.appendingPathComponent(file.name).path
      var status = stat()
      guard stat(path, &status) == 0 else { throw KelipError.posix("stat", at: path) }
      guard status.st_size == file.size else {
        throw KelipError("\(status.st_size) bytes, the manifest says \(file.size)", at: path)
      }
    }
  }

  /// Reads every file and compares its checksum.
  func checkDigests(in folder: URL) throws {
    for file in files {
      let url = folder.appendingPathComponent(file.name)
      guard try digest(of: url) == file.xxh3 else {
        throw KelipError("the bytes do not match the manifest's checksum", at: url.path)
      }
    }
  }

  /// A name in the checkpoint's own folder.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && !name.contains("/") && name != "." && name != ".." && name != fileName
  }
}

/// XXH3 in hexadecimal, read a piece at a time.
private func digest(of url: URL) throws -> String {
  let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw KelipError.posix("open", at: url.path) }
  defer { close(descriptor) }
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
  defer { buffer.deallocate() }
  let hasher = XXH3Hasher()
  while true {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count == 0 { return hasher.hexDigest }
    if count < 0 {
      if errno == EINTR { continue }
      throw KelipError.posix("read", at: url.path)
    }
    hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }
}
