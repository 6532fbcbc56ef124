import Foundation
import Testing

@testable import ShardStream

/// Shards written by Python's webdataset must give the samples that webdataset reads from them.
@Suite struct WebDatasetTests {
  private struct Expected: Decodable {
    struct Sample: Decodable {
      let key: String
      let text: String
      let image: Data
      let json: String?
    }
    let shards: [String: [Sample]]
  }

  private static let fixtures = Bundle.module.resourceURL!.appendingPathComponent("Fixtures")

  private static func expected(_ name: String) throws -> [Expected.Sample] {
    let json = try Data(contentsOf: fixtures.appendingPathComponent("webdataset.json"))
    return try #require(try JSONDecoder().decode(Expected.self, from: json).shards[name])
  }

  @Test(arguments: ["webdataset.tar", "gnu.tar", "pax.tar", "names.tar", "img2dataset.tar"])
  func agreesWithWebDataset(_ name: String) throws {
    try expectAgreement([name], Self.expected(name))
  }

  /// A key that ends one shard and begins the next, as LAION-400M has it, makes two samples.
  @Test func agreesWithWebDatasetOnRepeatedKeys() throws {
    let expected = try Self.expected("repeated")
    #expect(expected.map(\.key).map { $0.suffix(1) } == ["1", "2", "1", "3", "3", "4", "3"])
    try expectAgreement(["repeated-0.tar", "repeated-1.tar"], expected)
  }

  /// Frames of many settings of zstd's own program.
  @Test func readsWhatZstdCompresses() throws {
    try expectAgreement(["zstd-cli.tar.zst"], Self.expected("webdataset.tar"))
  }

  private func expectAgreement(_ names: [String], _ expected: [Expected.Sample]) throws {
    let catalogue = try ShardCatalogue.load(names.map(Self.fixtures.appendingPathComponent))
    #expect(catalogue.faults.isEmpty && expected.count > 0)
    try #require(catalogue.sampleCount == expected.count)
    let source = SampleSource(catalogue: catalogue)
    let ids = catalogue.sampleCounts.enumerated().flatMap { shard, count in
      (0..<count).map { SampleID(shard: shard, index: $0) }
    }
    for (id, sample) in zip(ids, expected) {
      let members = try source.members(id)
      #expect(try source.key(id) == sample.key)
      #expect(try source.bytes(members.text!, of: id) == Array(sample.text.utf8))
      #expect(try source.bytes(members.image, of: id) == Array(sample.image))
      let metadata = try members.metadata.map { try source.bytes($0, of: id) }
      #expect(metadata == sample.json.map { Array($0.utf8) })
    }
  }
}
