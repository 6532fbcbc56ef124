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

  @Test(arguments: ["webdataset.tar", "gnu.tar", "pax.tar"])
  func agreesWithWebDataset(_ name: String) throws {
    let json = try Data(contentsOf: Self.fixtures.appendingPathComponent("webdataset.json"))
    let expected = try #require(try JSONDecoder().decode(Expected.self, from: json).shards[name])
    let catalogue = try ShardCatalogue.load([Self.fixtures.appendingPathComponent(name)])
    #expect(catalogue.faults.isEmpty)
    #expect(catalogue.sampleCounts == [6] && expected.count == 6)
    let source = SampleSource(catalogue: catalogue)
    for (number, sample) in expected.enumerated() {
      let id = SampleID(shard: 0, index: number)
      let members = try source.members(id)
      #expect(try source.key(id) == sample.key)
      #expect(try source.bytes(members.text, of: id) == Array(sample.text.utf8))
      #expect(try source.bytes(members.image, of: id) == Array(sample.image))
      let metadata = try members.metadata.map { try source.bytes($0, of: id) }
      #expect(metadata == sample.json.map { Array($0.utf8) })
    }
  }
}
