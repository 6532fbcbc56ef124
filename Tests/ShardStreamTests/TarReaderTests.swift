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

  @Test func dataOfAnEntryAreReadInPassing() throws {
    let long = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 / 100) }
    var tar = TestTar()
    tar.add("a.jpg", long)
    tar.add("a.txt", "short")
    tar.add("a.json", [])
    tar.end()
    var reader = TarReader(file: try ShardFile(url: try folder.write(tar, as: "a.tar")))
    var data: [[UInt8]] = []
    while let entry = try reader.next() { data.append(try reader.data(of: entry)) }
    #expect(data == [long, Array("short".utf8), []])
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

  @Test(arguments: [
    Array("00000000xyz\0".utf8), Array("-0000000001\0".utf8), [UInt8](repeating: 0xFF, count: 12),
    [0x80] + [UInt8](repeating: 0xFF, count: 11), [0x80, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 7),
  ])
  func sizesThatAreNoneAreDamage(_ size: [UInt8]) throws {
    var block = TestTar.block(name: "a.txt", size: 0)
    block.replaceSubrange(124..<136, with: size)
    TestTar.sign(&block)
    #expect(try damaged(TestTar(bytes: block)).fault == TarFault(reason: .badSize, offset: 0))
  }

  @Test(arguments: ["9223372036854775807", "9223372036854775000", "72057594037927936", "700"])
  func sizesBeyondTheFileAreTruncation(_ size: String) throws {
    var tar = TestTar()
    let record = " size=\(size)\n"
    tar.add("PaxHeaders/a", Array("\(record.utf8.count + 2)\(record)".utf8), type: "x")
    tar.add("a.txt", [1])
    #expect(try damaged(tar).fault == TarFault(reason: .truncatedMember, offset: 1024))
  }

  @Test func hugeExtendedHeadersAreDamage() throws {
    for type: Character in ["x", "L"] {
      var tar = TestTar()
      tar.add("a", [UInt8](repeating: 65, count: 1 << 20 + 1), type: type)
      #expect(try damaged(tar).fault == TarFault(reason: .badExtendedHeader, offset: 0))
      tar = TestTar()
      tar.bytes = TestTar.block(name: "a", size: 1 << 32, type: type)
      #expect(try damaged(tar).fault == TarFault(reason: .truncatedMember, offset: 0))
    }
  }

  @Test func namesAreKeysWhateverTheySay() throws {
    let names = ["../../etc/a.txt", "/absolute/b.txt", "C:\\c.txt", "..", "./d.txt"]
    var tar = TestTar()
    for name in names { tar.add(name, [1]) }
    tar.end()
    #expect(try entries(tar).map(\.name) == names)
  }

  @Test func namesThatAreNotUTF8StayApart() throws {
    var tar = TestTar()
    for code: UInt8 in [0xA1, 0xA2] {
      var block = TestTar.block(name: "??.jpg", size: 0)
      block.replaceSubrange(0..<2, with: [0xB0, code])
      TestTar.sign(&block)
      tar.bytes += block
    }
    tar.end()
    #expect(try entries(tar).map(\.name) == ["\\xB0\\xA1.jpg", "\\xB0\\xA2.jpg"])
    #expect(TarName.decode([0x61, 0xED, 0xA0, 0x80, 0xEA, 0xB0, 0x80, 0xEA]) == "a\\xED\\xA0\\x80가\\xEA")
  }

  @Test func devicesAndLinksAreLeftOut() throws {
    var tar = TestTar()
    for type: Character in ["1", "2", "3", "4", "5", "6"] {
      tar.bytes += TestTar.block(name: "\(type).jpg", size: 1 << 30, type: type)
    }
    tar.add("a.txt", [1])
    tar.end()
    #expect(try entries(tar).map(\.name) == ["a.txt"])
  }

  @Test func sparseMembersAreMarkedAndPassed() throws {
    var tar = TestTar()
    var block = TestTar.block(name: "old.jpg", size: 5, type: "S")
    block[482] = 1
    TestTar.sign(&block)
    tar.bytes += block
    var map = [UInt8](repeating: 0, count: 1024)
    map[504] = 1
    tar.bytes += map
    tar.addData([1, 2, 3, 4, 5])
    let records = "22 GNU.sparse.major=1\n27 GNU.sparse.name=new.jpg\n14 path=other\n"
    tar.add("PaxHeaders/b", Array(records.utf8), type: "x")
    tar.add("b", [1])
    tar.add("M.jpg", [1, 2], type: "M")
    tar.add("a.txt", [1])
    tar.end()
    let found = try entries(tar)
    #expect(found.map(\.name) == ["old.jpg", "new.jpg", "a.txt"])
    #expect(found.map(\.isSparse) == [true, true, false])
    #expect(found[0].offset == 1536)
  }

  @Test func whatFollowsTheEndIsToldButNotRead() throws {
    var tar = TestTar()
    tar.add("a.txt", [1])
    tar.end()
    let first = tar.bytes.count
    tar.bytes += [UInt8](repeating: 0, count: 20_000)
    #expect(try damaged(tar) == (["a.txt"], nil))
    tar.bytes.removeLast(20_000)
    tar.add("b.txt", [2])
    tar.end()
    let (names, fault) = try damaged(tar)
    #expect(names == ["a.txt"] && fault == TarFault(reason: .dataAfterEnd, offset: first))
    #expect(fault?.reasonName == "tar_data_after_end")
  }

  @Test func aSingleBlockOfZerosIsAnEnd() throws {
    var tar = TestTar()
    tar.add("a.txt", [1])
    tar.bytes += [UInt8](repeating: 0, count: 512)
    #expect(try damaged(tar) == (["a.txt"], nil))
  }

  @Test func everyReasonHasAName() {
    let names = TarFault.Reason.allCases.map(\.name) + RejectedReason.allCases.map(\.name)
    #expect(Set(names).count == names.count)
  }

  @Test func missingFilesAreErrorsThatNameThePath() throws {
    let path = folder.file("none.tar")
    let error = #expect(throws: KelipError.self) { try ShardFile(url: path) }
    #expect(error?.location == path.path)
    #expect(throws: KelipError.self) { try ShardFile(url: folder.url) }
  }
}
