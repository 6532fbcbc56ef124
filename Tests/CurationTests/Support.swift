import Basics
import Collectives
import Foundation
import Imaging
import ShardStream
import TestFolders
import Testing

@testable import Curation

let font = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"

extension TemporaryFolder {
  /// Every file below, by relative path, hidden ones included.
  func contents(of name: String) throws -> [String: [UInt8]] {
    let root = file(name)
    var result: [String: [UInt8]] = [:]
    for case let path as String in FileManager.default.enumerator(atPath: root.path)! {
      var isFolder: ObjCBool = false
      let url = root.appendingPathComponent(path)
      _ = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
      if !isFolder.boolValue { result[path] = Array(try Data(contentsOf: url)) }
    }
    return result
  }

  @discardableResult
  func write(_ text: String, as name: String) throws -> String {
    let url = file(name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  func write(_ bytes: [UInt8], as name: String) throws { try Data(bytes).write(to: file(name)) }
}

/// A sample of a shard that a test writes.
struct TestSample {
  var key = ""
  var picture: [UInt8]
  var caption: String
  var json: String?
}

/// A picture of smooth patches that differ from number to number, so that perceptual hashes lie far apart.
func testPicture(_ number: Int, width: Int = 96, height: Int = 80) -> RGBImage {
  var generator = SeededGenerator(seed: UInt64(number))
  let patches = (0..<36).map { _ in UInt8.random(in: 0...255, using: &generator) }
  var image = RGBImage(width: 6, height: 6)
  for (index, value) in patches.enumerated() {
    image[index % 6, index / 6] = RGBColour(red: value, green: value &+ 20, blue: 255 - value)
  }
  return Resampling.resize(image, width: width, height: height)
}

func testJPEG(_ number: Int, width: Int = 96, height: Int = 80, quality: Int = 92) -> [UInt8] {
  JPEGEncoder.encode(testPicture(number, width: width, height: height), quality: quality)
}

func writeShard(_ samples: [TestSample], to url: URL) throws {
  let tar = try TarWriter(path: url.path)
  for (index, sample) in samples.enumerated() {
    let key = sample.key.isEmpty ? "k\(index)" : sample.key
    try tar.append(name: "\(key).\(PictureFormat(sample.picture)?.rawValue ?? "jpg")", bytes: sample.picture)
    if let json = sample.json { try tar.append(name: "\(key).json", bytes: Array(json.utf8)) }
    try tar.append(name: "\(key).txt", bytes: Array(sample.caption.utf8))
  }
  try tar.finish()
}

/// A sample as a test reads it back.
struct ReadSample: Equatable {
  var key: String
  var picture: [UInt8]
  var caption: String
  var metadata: String

  var object: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(metadata.utf8))) as? [String: Any] ?? [:]
  }
}

func readShards(_ folder: URL) throws -> [ReadSample] {
  let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".tar") }
  return try names.sorted().flatMap { name in
    var walk = try ShardWalk(url: folder.appendingPathComponent(name))
    var samples: [ReadSample] = []
    while let step = try walk.next() {
      guard case .sample(let sample) = step else { throw KelipError("no sample in \(name): \(step)") }
      samples.append(
        ReadSample(
          key: sample.key, picture: try walk.bytes(sample.members.image), caption: try walk.caption(sample),
          metadata: String(decoding: try walk.bytes(sample.members.metadata!), as: UTF8.self)))
    }
    return samples
  }
}

/// Stops a piece of work after so many files.
final class Stopper: Sendable {
  struct Stopped: Error {}
  private let count = Counter()
  let limit: Int

  init(after limit: Int) { self.limit = limit }

  func didWrite(_ name: String) throws {
    if count.next() >= limit { throw KelipError("stopped", exitCode: .fatal) }
  }
}

final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var value = 0

  /// Counts from 1.
  func next() -> Int {
    lock.withLock {
      value += 1
      return value
    }
  }
}
