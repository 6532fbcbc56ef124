import Foundation
import TestFolders
import Testing

@testable import ShardStream

@Suite struct ShardCatalogueTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func catalogue(_ names: [String]) throws -> ShardCatalogue {
    var tar = TestTar()
    for name in names { tar.add(name, name) }
    tar.end()
    return try ShardCatalogue.load([try folder.write(tar, as: "a.tar")])
  }

  private func keys(_ catalogue: ShardCatalogue) throws -> [String] {
    let source = SampleSource(catalogue: catalogue)
    return try catalogue.shards.indices.flatMap { shard in
      let table = try source.table(shard)
      return (0..<table.count).map(table.key)
    }
  }

  @Test(arguments: [
    ("a.jpg", "a", "jpg"), ("d.x/a.seg.PNG", "d.x/a", "seg.png"), ("a.", "a", ""),
    ("d/한글.txt", "d/한글", "txt"), ("d/._a.jpg", "d/", "_a.jpg"), ("../a.b.jpg", "../a", "b.jpg"),
  ])
  func splitsAtTheFirstDotOfTheBaseName(_ path: String, _ key: String, _ fileExtension: String) throws {
    let name = try #require(SampleName(path: path))
    #expect(name.key == key && name.fileExtension == fileExtension)
  }

  @Test(arguments: ["", "a", "d.x/a", ".hidden.jpg", "d.x/._a.jpg", "__meta__.__", "__index__/a.jpg"])
  func leavesOutWhatHasNoKey(_ path: String) {
    #expect(SampleName(path: path) == nil)
  }

  @Test func groupsAdjacentMembers() throws {
    let catalogue = try catalogue([
      "a.json", "a.txt", "ignored", "a.jpg", "b.png", "b.txt", "a.webp", "a.txt", "d/a.jpeg", "d/a.txt",
    ])
    #expect(try keys(catalogue) == ["a", "b", "a", "d/a"])
    #expect(catalogue.rejectedCounts.isEmpty && catalogue.faults.isEmpty)
    let file = try ShardFile(url: catalogue.shards[0].url)
    let text: (MemberRange) throws -> String = {
      String(decoding: try file.bytes(at: $0.offset, count: $0.size), as: UTF8.self)
    }
    let table = try SampleSource(catalogue: catalogue).table(0)
    let first = table.members(0)
    #expect(try text(first.image) == "a.jpg")
    #expect(try text(try #require(first.text)) == "a.txt")
    #expect(try text(try #require(first.metadata)) == "a.json")
    #expect(first.extent == 512..<(512 * 7 + 5))
    #expect(table.members(1).metadata == nil)
    #expect(try text(table.members(3).image) == "d/a.jpeg")
  }

  @Test func countsWhatIsNoSampleByReason() throws {
    let catalogue = try catalogue([
      "a.txt", "b.jpg", "c.jpg", "c.txt", "c.txt", "d.cls", "e.JPG", "e.txt", "f.jpg", "f.seg.jpg",
    ])
    #expect(try keys(catalogue) == ["e"])
    #expect(catalogue.rejectedCounts == [.missingImage: 2, .missingText: 2, .duplicateExtension: 1])
    #expect(
      catalogue.summary == """
        1 samples in 1 shards; left out: 2 × no image member (jpg, jpeg, png, webp), 2 × no txt member, \
        1 × an extension occurs twice
        """)
  }

  @Test func groupsThatWouldFillTheMemoryAreRejected() throws {
    var grouper = SampleGrouper()
    for number in 0..<5000 { _ = grouper.take(TarEntry(name: "a.\(number)", offset: 512, size: 0)) }
    #expect(grouper.finish() == .rejected(key: "a", .tooManyMembers))
    let key = String(repeating: "k", count: 4097)
    _ = grouper.take(TarEntry(name: key + ".jpg", offset: 512, size: 0))
    _ = grouper.take(TarEntry(name: key + ".txt", offset: 512, size: 0))
    #expect(grouper.finish() == .rejected(key: key, .keyTooLong))
    _ = grouper.take(TarEntry(name: "a.jpg", offset: 512, size: 0, isSparse: true))
    _ = grouper.take(TarEntry(name: "a.txt", offset: 512, size: 0))
    #expect(grouper.finish() == .rejected(key: "a", .sparseMember))
  }

  @Test func namesInTwoNormalFormsAreTwoKeys() throws {
    let catalogue = try catalogue(["\u{e9}.jpg", "\u{e9}.txt", "e\u{301}.jpg", "e\u{301}.txt"])
    #expect(catalogue.sampleCount == 2)
  }

  @Test func samplesDoNotReachIntoTheNextShard() throws {
    var first = TestTar()
    first.add("a.jpg", "1")
    first.end()
    var second = TestTar()
    second.add("a.txt", "2")
    second.end()
    let urls = try [folder.write(first, as: "1.tar"), folder.write(second, as: "2.tar")]
    let catalogue = try ShardCatalogue.load(urls, threads: 2)
    #expect(catalogue.sampleCounts == [0, 0])
    #expect(catalogue.rejectedCounts == [.missingText: 1, .missingImage: 1])
  }

  @Test func damageIsReportedAndTheRestKept() throws {
    var tar = TestTar()
    for key in ["a", "b"] {
      tar.add("\(key).jpg", "image")
      tar.add("\(key).txt", "text")
    }
    let whole = tar.bytes.count
    tar.bytes.removeLast(510)
    let url = try folder.write(tar, as: "a.tar")
    try Data("<html>not found</html>".utf8).write(to: folder.file("b.tar"))
    let catalogue = try ShardCatalogue.load([url, folder.file("b.tar")])
    #expect(catalogue.sampleCounts == [1, 0])
    #expect(catalogue.rejectedCounts == [.missingText: 1])
    #expect(catalogue.summary.hasSuffix("1 × no txt member, 2 damaged shards"))
    #expect(
      catalogue.faults == [
        ShardFault(shard: url.path, fault: TarFault(reason: .truncatedMember, offset: whole - 1024)),
        ShardFault(shard: folder.file("b.tar").path, fault: TarFault(reason: .truncatedHeader, offset: 0)),
      ])
  }
}
