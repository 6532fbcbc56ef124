import Basics
import Checkpointing
import Foundation
import Testing

@Suite("Checkpoints that are whole or not there")
struct CheckpointDirectoryTests {
  @discardableResult
  private func write(_ step: Int, to directory: CheckpointDirectory, best: Int? = nil) throws -> URL {
    try directory.write(step: step, best: best) { writer in
      try writer.file("state.json", Data("{\"step\": \(step)}".utf8))
      try writer.safetensors("model.safetensors", tensors: [TensorSpec("w", .float32, [5])]) {
        for i in 0..<5 { $0.tensor(0).storeBytes(of: Float(i * step), toByteOffset: 4 * i, as: Float.self) }
      }
    }
  }

  private func names(_ directory: CheckpointDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.url.path).sorted()
  }

  @Test("round trip under the promised names")
  func roundTrip() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root)
      #expect(try directory.newestWhole() == nil)
      let url = try write(100, to: directory)
      #expect(url == root.appendingPathComponent("checkpoints/step-00000100"))
      #expect(try names(directory) == ["latest", "step-00000100"])
      #expect(
        try String(contentsOf: directory.url.appendingPathComponent("latest"), encoding: .utf8)
          == "step-00000100\n")
      let manifest = try CheckpointDirectory.verify(url)
      #expect(manifest.step == 100)
      #expect(manifest.files.map(\.name) == ["state.json", "model.safetensors"])
      #expect(manifest.files[0].size == 13)
      #expect(manifest.files[0].xxh3 == XXH3Hasher.hexDigest(of: Array("{\"step\": 100}".utf8)))
      let reader = try SafetensorsReader(url.appendingPathComponent("model.safetensors"))
      #expect(try reader.floats(named: "w") == [0, 100, 200, 300, 400])
      #expect(try directory.newestWhole()?.step == 100)
    }
  }

  @Test("a checkpoint that fails leaves nothing behind")
  func failure() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root)
      try write(1, to: directory)
      #expect(throws: KelipError.self) {
        try directory.write(step: 2) { writer in
          try writer.file("state.json", Data("{}".utf8))
          throw KelipError("no space")
        }
      }
      #expect(try names(directory) == ["latest", "step-00000001"])
    }
  }

  /// Ways in which a checkpoint stops to be whole.
  static let damages: [(name: String, @Sendable (URL) throws -> Void)] = [
    (
      "a flipped bit at the end",
      { try flipByte(try size($0) - 1, of: $0.appendingPathComponent("model.safetensors")) }
    ),
    ("a flipped bit in the header", { try flipByte(9, of: $0.appendingPathComponent("model.safetensors")) }),
    ("a flipped bit in the state", { try flipByte(0, of: $0.appendingPathComponent("state.json")) }),
    ("a missing file", { try FileManager.default.removeItem(at: $0.appendingPathComponent("state.json")) }),
    ("a shorter file", { truncate($0.appendingPathComponent("model.safetensors").path, 40) }),
    ("a longer file", { truncate($0.appendingPathComponent("model.safetensors").path, 400) }),
    ("no manifest", { try FileManager.default.removeItem(at: $0.appendingPathComponent("manifest.json")) }),
    ("half a manifest", { truncate($0.appendingPathComponent("manifest.json").path, 30) }),
    ("a manifest of another step", { try replace("\"step\" : 3", "\"step\" : 2", in: $0) }),
    ("a manifest of another format", { try replace("\"format\" : 3", "\"format\" : 2", in: $0) }),
    ("a manifest with another space", { try replace("\"format\" : 3", "\"format\" :\t3", in: $0) }),
    ("a manifest that points outside", { try replace("state.json", "../latest", in: $0) }),
    ("a manifest of another file", { try replace("state.json", "statf.json", in: $0) }),
    ("a manifest with another size", { try replace("\"size\" : 1", "\"size\" : 2", in: $0) }),
  ]

  @Test("a damaged newest is reported, and the one before taken", arguments: damages.indices)
  func damaged(_ index: Int) throws {
    let damage = Self.damages[index]
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root)
      for step in 1...3 { try write(step, to: directory) }
      try damage.1(directory.url(step: 3))
      var reported: [String] = []
      let found = try directory.newestWhole { url, error in
        reported.append(url.lastPathComponent)
        // Who has changed the manifest is not sent to look at other files.
        #expect("\(error)".contains("manifest.json") == damage.name.contains("manifest"), "\(error)")
      }
      #expect(found?.step == 2, "\(damage.name)")
      #expect(reported == ["step-00000003"])
      #expect(throws: KelipError.self) { try CheckpointDirectory.verify(directory.url(step: 3)) }
    }
  }

  @Test("nothing whole at all")
  func nothingWhole() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root)
      try flipByte(0, of: try write(4, to: directory).appendingPathComponent("state.json"))
      var count = 0
      #expect(try directory.newestWhole { _, _ in count += 1 } == nil)
      #expect(count == 1)
    }
  }

  @Test("only the last ones stay, with what died removed", arguments: [1, 2, 3])
  func pruning(keepLast: Int) throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root, retention: .init(last: keepLast))
      let stale = directory.url.appendingPathComponent("step-00000009.partial-1")
      try FileManager.default.createDirectory(at: stale, withIntermediateDirectories: true)
      try Data("notes".utf8).write(to: directory.url.appendingPathComponent("README"))
      for step in 1...5 { try write(step, to: directory) }
      #expect(try directory.steps() == Array((6 - keepLast)...5))
      #expect(!FileManager.default.fileExists(atPath: stale.path))
      #expect(try names(directory).contains("README"))
      #expect(try directory.newestWhole()?.step == 5)
    }
  }

  @Test("incomplete ones do not count among those kept, and later ones stay")
  func pruningAroundDamage() throws {
    try withTemporaryFolder { root in
      let all = CheckpointDirectory(root: root)
      for step in [1, 2, 3, 9] { try write(step, to: all) }
      truncate(all.url(step: 3).appendingPathComponent("state.json").path, 1)
      try write(4, to: CheckpointDirectory(root: root, retention: .init(last: 2)))
      #expect(try all.steps() == [2, 3, 4, 9])
    }
  }

  @Test("the same step again replaces the old one")
  func replacing() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root, retention: .init(last: 2))
      try write(7, to: directory)
      try directory.write(step: 7) { try $0.file("other.json", Data("[]".utf8)) }
      #expect(try CheckpointDirectory.verify(directory.url(step: 7)).files.map(\.name) == ["other.json"])
      #expect(try names(directory) == ["latest", "step-00000007"])
    }
  }

  @Test("files of several ranks")
  func severalWriters() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root)
      let partial = directory.partial(step: 1, writer: "job")
      let records = try (0..<3).map { rank in
        try CheckpointDirectory.createFolder(partial)
        return try CheckpointFile.write("optimizer-\(rank).bin", in: partial) {
          try $0.write(Data(repeating: UInt8(rank), count: rank))
        }
      }
      let url = try directory.commit(partial, step: 1, records)
      #expect(try CheckpointDirectory.verify(url).files.map(\.size) == [0, 1, 2])
    }
  }

  @Test("those of certain steps stay for good", arguments: [1, 2])
  func keptForGood(last: Int) throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root, retention: .init(last: last, everySteps: 4))
      for step in 1...9 { try write(step, to: directory) }
      #expect(try directory.steps() == Set([4, 8] + Array((10 - last)...9)).sorted())
    }
  }

  @Test("the best one stays until another is better")
  func bestStays() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root, retention: .init(last: 1))
      let best = { try String(contentsOf: directory.url.appendingPathComponent("best"), encoding: .utf8) }
      for step in 1...3 { try write(step, to: directory, best: 1) }
      #expect(try directory.steps() == [1, 3])
      try directory.publishBest(step: 1)
      #expect(try best() == "step-00000001\n")
      // What is not there is not pointed to.
      try directory.publishBest(step: 2)
      #expect(try best() == "step-00000001\n")
      try write(4, to: directory, best: 3)
      #expect(try directory.steps() == [3, 4])
    }
  }

  @Test("what is removed from a step on is no longer the latest")
  func removal() throws {
    try withTemporaryFolder { root in
      let directory = CheckpointDirectory(root: root)
      for step in 1...4 { try write(step, to: directory) }
      let latest = { try String(contentsOf: directory.url.appendingPathComponent("latest"), encoding: .utf8) }
      try directory.removeAll(from: 3)
      #expect(try directory.steps() == [1, 2])
      #expect(try latest() == "step-00000002\n")
      try directory.removeAll(from: 1)
      #expect(try directory.newestWhole() == nil)
      #expect(try latest() == "")
    }
  }

  private static func size(_ folder: URL) throws -> Int {
    try Data(contentsOf: folder.appendingPathComponent("model.safetensors")).count
  }

  private static func replace(_ old: String, _ new: String, in folder: URL) throws {
    let url = folder.appendingPathComponent("manifest.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    try #require(text.contains(old))
    try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: url)
  }
}
