import Basics
import Captions
import Foundation
import TestFolders
import Testing

@testable import ShardStream

@Suite struct ShardSidecarTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Members' names, each with its own name as content, unless another is given.
  static let shards: [String: [(name: String, content: String)]] = [
    "empty": [],
    "one": [("a.jpg", ""), ("a.txt", "a red apple on the table")],
    "no metadata": [("a.jpg", "1"), ("a.txt", "x"), ("b.txt", ""), ("b.png", "2")],
    "orders": [
      ("a.json", "{}"), ("a.txt", "사과"), ("a.jpg", "1"), ("b.txt", "2"), ("b.json", #"{"language": "ko"}"#),
      ("b.jpg", "3"), ("c.jpg", "4"), ("c.json", #"{"language": "en"}"#), ("c.txt", "바나나"), ("d.txt", "5"),
      ("d.jpg", "6"), ("d.json", #"{"a": {"language": "ko"}}"#), ("e.json", #"{"language": "fr"}"#),
      ("e.jpg", "7"), ("e.txt", "세 마리 곰"),
    ],
    "other members": [
      ("a.cls", "5"), ("a.jpg", "1"), ("a.seg.png", "22"), ("a.txt", "x"), ("README", "…"), ("b.jpg", "1"),
      ("b.txt", "2"), ("b.npy", String(repeating: "n", count: 1500)), ("c.jpg", "1"), ("c.txt", ""),
    ],
    "keys": [
      ("한글/사과.jpg", "1"), ("한글/사과.txt", "2"), ("한글/사자.jpg", "1"), ("한글/사자.txt", "2"),
      (String(repeating: "long", count: 24) + ".jpg", "1"),
      (String(repeating: "long", count: 24) + ".txt", "2"),
      ("long.jpg", "1"), ("long.txt", "2"), ("long.jpg.txt", "2"), ("\u{65}\u{301}.jpg", ""),
      ("\u{65}\u{301}.txt", ""), ("\u{e9}.jpg", ""), ("\u{e9}.txt", ""),
    ],
    "rejected": [
      ("a.txt", "1"), ("b.jpg", "1"), ("c.jpg", "1"), ("c.txt", "2"), ("c.txt", "2"), ("d.txt", "1"),
      ("e.txt", ""), ("f.txt", ""), ("g.txt", ""),
    ],
  ]

  private func shard(_ name: String) throws -> String {
    var tar = TestTar()
    for (name, content) in Self.shards[name]! { tar.add(name, content) }
    tar.end()
    return try folder.write(tar, as: "a.tar").path
  }

  private func write(_ bytes: [UInt8], for path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path + SidecarPlace.suffix))
  }

  @Test(arguments: shards.keys.sorted()) func roundTrip(_ name: String) throws {
    let path = try shard(name)
    let scan = try ShardScan(path: path)
    try write(ShardSidecar.encode(scan), for: path)
    let sidecarPath = SidecarPlace.beside.path(ofShard: path)
    let sidecar = try #require(
      try ShardSidecar(path: sidecarPath, shard: path, identity: ShardIdentity(path: path)))
    var expected = scan.summary
    expected.origin = .sidecar
    #expect(sidecar.summary == expected)
    #expect(sidecar.summary.identity.modificationTime == scan.summary.identity.modificationTime)
    #expect(try sidecar.table(path: sidecarPath) == scan.table)
    let catalogue = try ShardCatalogue.load([URL(fileURLWithPath: path)])
    #expect(catalogue.shards == [expected] && catalogue.warnings.isEmpty)
    #expect(try SampleSource(catalogue: catalogue).table(0) == scan.table.restricted(to: .pairs))
  }

  @Test func languagesComeFromMetadataThenFromTheCaption() throws {
    let scan = try ShardScan(path: try shard("orders"))
    let table = scan.table
    #expect((0..<5).map(table.language) == [.korean, .korean, .english, .other, .korean])
    #expect(scan.summary.languageCounts == [3, 1, 1])
    #expect((0..<3).map { table.index(ofLanguage: .korean, ordinal: $0) } == [0, 1, 4])
    #expect(table.index(ofLanguage: .english, ordinal: 0) == 2)
    let source = SampleSource(catalogue: try ShardCatalogue.load([folder.file("a.tar")]))
    #expect(try source.sample(shard: 0, language: .korean, ordinal: 2) == SampleID(shard: 0, index: 4))
    #expect(try source.sample(shard: 0, language: nil, ordinal: 2) == SampleID(shard: 0, index: 2))
  }

  @Test func firstKeysOfWhatIsRejectedAreKept() throws {
    let summary = try ShardScan(path: try shard("rejected")).summary
    #expect(summary.rejected == [.missingImage: 5, .missingText: 1, .duplicateExtension: 1])
    #expect(summary.rejectedKeys[.missingImage] == ["a", "d", "e"])
    #expect(summary.rejectedKeys[.duplicateExtension] == ["c"])
  }

  /// A sidecar that is cut off at any length, or has any byte altered, is noticed; the shard is read instead.
  @Test(arguments: ["one", "keys", "rejected"]) func damageIsNoticed(_ name: String) throws {
    let path = try shard(name)
    let scan = try ShardScan(path: path)
    let whole = ShardSidecar.encode(scan)
    var spoilt = (0..<whole.count).map { Array(whole[..<$0]) }
    spoilt += whole.indices.map { index in
      var bytes = whole
      bytes[index] ^= UInt8(truncatingIfNeeded: 1 + index % 255)
      return bytes
    }
    spoilt.append(whole + [0])
    let sidecarPath = SidecarPlace.beside.path(ofShard: path)
    let identity = try ShardIdentity(path: path)
    for bytes in spoilt {
      try write(bytes, for: path)
      #expect(throws: SidecarFault.self) {
        try ShardSidecar(path: sidecarPath, shard: path, identity: identity)?.table(path: sidecarPath)
      }
    }
    try write(Array(whole.dropLast()), for: path)
    let catalogue = try ShardCatalogue.load([URL(fileURLWithPath: path)])
    #expect(catalogue.sampleCounts == [scan.table.count - scan.table.captionlessCount])
    #expect(catalogue.warnings.count == 1 && catalogue.warnings[0].contains(path))
  }

  /// Digests say nothing about who wrote a file: whatever the numbers, reading it ends.
  @Test func hostileNumbersAreRefused() throws {
    let path = try shard("keys")
    let scan = try ShardScan(path: path)
    let whole = ShardSidecar.encode(scan)
    var generator = SeededGenerator(seed: 3)
    let sidecarPath = SidecarPlace.beside.path(ofShard: path)
    let identity = try ShardIdentity(path: path)
    var accepted = 0
    for _ in 0..<4000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let huge: [UInt8] = [0xFF, 0x7F, 0, 0x80, UInt8.random(in: 0...255, using: &generator)]
        bytes[Int.random(in: 24..<bytes.count, using: &generator)] = huge.randomElement(using: &generator)!
      }
      try write(Self.sealed(bytes), for: path)
      let table = try? ShardSidecar(path: sidecarPath, shard: path, identity: identity)?
        .table(path: sidecarPath)
      guard let table else { continue }
      accepted += 1
      #expect(table.count == scan.table.count)
      for index in 0..<table.count {
        #expect(table.members(index).extent.upperBound <= scan.summary.tarByteCount)
        _ = table.key(index)
      }
    }
    #expect(accepted > 0, "the digests are not those of the altered bytes")
  }

  /// With digests that fit.
  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let headLength = Int(bytes[12]) | Int(bytes[13]) << 8
    func put(_ digest: UInt64, at offset: Int) {
      for byte in 0..<8 { bytes[offset + byte] = UInt8(truncatingIfNeeded: digest >> (8 * UInt64(byte))) }
    }
    put(Array(bytes[headLength...]).withUnsafeBytes(ShardIdentity.digest), at: 24)
    put(Array(bytes[..<(headLength - 8)]).withUnsafeBytes(ShardIdentity.digest), at: headLength - 8)
    return bytes
  }

  @Test func anotherVersionIsNotRead() throws {
    let path = try shard("one")
    var bytes = ShardSidecar.encode(try ShardScan(path: path))
    bytes[8] = 9
    try write(bytes, for: path)
    let catalogue = try ShardCatalogue.load([URL(fileURLWithPath: path)])
    #expect(catalogue.sampleCounts == [1])
    #expect(catalogue.warnings.first?.contains("format 9") == true)
  }
}
