import Basics
import Foundation
import TestFolders
import Testing

@testable import ShardStream

@Suite struct TarReaderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func entries(_ tar: TestTar) throws -> [TarEntry] {
    var reader = TarReader(file: try ShardFile(url: try folder.write(tar, as: "a.tar")))
    var entries: [TarEntry] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  /// What comes before the damage, and the damage.
  private func damaged(_ tar: TestTar) throws -> (names: [String], fault: TarFault?) {
    var reader = TarReader(file: try ShardFile(url: try folder.write(tar, as: "a.tar")))
    var names: [String] = []
    do {
      while let entry = try reader.next() { names.append(entry.name) }
    } catch let fault as TarFault {
      #expect(try reader.next() == nil, "a fault ends the walk")
      return (names, fault)
    }
    return (names, nil)
  }

  @Test func findsNamesOffsetsAndSizes() throws {
    var tar = TestTar()
    tar.add("a.jpg", [UInt8](repeating: 7, count: 513))
    tar.add("a.txt", "")
    tar.add("b.txt", [UInt8](repeating: 1, count: 40_000))
    tar.add("c.txt", "after a member larger than the window")
    tar.end()
    #expect(
      try entries(tar) == [
        TarEntry(name: "a.jpg", offset: 512, size: 513), TarEntry(name: "a.txt", offset: 2048, size: 0),
        TarEntry(name: "b.txt", offset: 2560, size: 40_000),
        TarEntry(name: "c.txt", offset: 43_520, size: 37),
      ])
  }

  @Test func readsLongNames() throws {
    let long = String(repeating: "가", count: 90) + ".txt"
    let other = String(repeating: "d", count: 200) + "/b.txt"
    var tar = TestTar()
    tar.add("././@LongLink", Array(long.utf8) + [0], type: "L")
    tar.add("short", [1, 2, 3])
    let record = " path=\(other)\n"
    let length = record.utf8.count + 3
    tar.add("PaxHeaders/b", Array("\(length)\(record)".utf8), type: "x")
    tar.add("short", [4])
    tar.add("c.txt", [5], prefix: "folder/inner")
    tar.end()
    #expect(try entries(tar).map(\.name) == [long, other, "folder/inner/c.txt"])
  }

  @Test func paxSizeOverridesTheHeader() throws {
    var tar = TestTar()
    tar.add("PaxHeaders/a", Array("12 size=600\n".utf8), type: "x")
    tar.bytes += TestTar.block(name: "a.txt", size: 0)
    tar.addData([UInt8](repeating: 9, count: 600))
    tar.add("b.txt", [1])
    tar.end()
    #expect(try entries(tar).map(\.size) == [600, 1])
  }

  @Test func readsBase256Sizes() throws {
    var tar = TestTar()
    var block = TestTar.block(name: "a.txt", size: 0)
    block.replaceSubrange(124..<136, with: [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    TestTar.sign(&block)
    tar.bytes += block
    tar.addData([UInt8](repeating: 9, count: 258))
    tar.end()
    #expect(try entries(tar).map(\.size) == [258])
  }

  @Test func leavesOutFoldersLinksAndGlobalHeaders() throws {
    var tar = TestTar()
    tar.add("g", Array("9 a=bcde\n".utf8), type: "g")
    tar.add("folder/", [], type: "5")
    tar.bytes += TestTar.block(name: "link", size: 99, type: "2")
    tar.add("vendor", [1, 2], type: "X")
    tar.add("a.txt", [1])
    tar.end()
    #expect(try entries(tar).map(\.name) == ["a.txt"])
  }

  @Test func damageKeepsWhatCameBefore() throws {
    var good = TestTar()
    good.add("a.txt", "first")
    let soundCount = good.bytes.count
    good.add("b.txt", [UInt8](repeating: 3, count: 1000))
    good.end()

    var badSum = good
    badSum.bytes[soundCount] ^= 1
    var (names, fault) = try damaged(badSum)
    #expect(names == ["a.txt"] && fault == TarFault(reason: .badChecksum, offset: soundCount))

    var cut = good
    cut.bytes.removeLast(1024 + 512 + 100)
    (names, fault) = try damaged(cut)
    #expect(names == ["a.txt"] && fault == TarFault(reason: .truncatedMember, offset: soundCount))

    cut.bytes.removeLast(cut.bytes.count - soundCount - 200)
    (names, fault) = try damaged(cut)
    #expect(names == ["a.txt"] && fault == TarFault(reason: .truncatedHeader, offset: soundCount))

    cut.bytes.removeLast(200)
    (names, fault) = try damaged(cut)
    #expect(names == ["a.txt"] && fault == TarFault(reason: .missingEnd, offset: soundCount))

    (names, fault) = try damaged(TestTar())
    #expect(names == [] && fault == TarFault(reason: .missingEnd, offset: 0))
  }

  @Test(arguments: ["x y=1\n", "99 path=a\n", "3 a\n", "12 size=-10\n", "9 path=a"])
  func badPaxRecordsAreDamage(_ record: String) throws {
    var tar = TestTar()
    tar.add("PaxHeaders/a", Array(record.utf8), type: "x")
    tar.add("a.txt", [1])
    tar.end()
    #expect(try damaged(tar).fault == TarFault(reason: .badExtendedHeader, offset: 0))
  }

  @Test func badSizesAndSparseMembersAreDamage() throws {
    var block = TestTar.block(name: "a.txt", size: 0)
    block.replaceSubrange(124..<136, with: Array("00000000xyz\0".utf8))
    TestTar.sign(&block)
    #expect(try damaged(TestTar(bytes: block)).fault == TarFault(reason: .badSize, offset: 0))
    let sparse = TestTar.block(name: "a.txt", size: 0, type: "S")
    #expect(try damaged(TestTar(bytes: sparse)).fault == TarFault(reason: .unsupportedType, offset: 0))
  }

  @Test func missingFilesAreErrorsThatNameThePath() throws {
    let path = folder.file("none.tar")
    let error = #expect(throws: KelipError.self) { try ShardFile(url: path) }
    #expect(error?.location == path.path)
    #expect(throws: KelipError.self) { try ShardFile(url: folder.url) }
  }
}
