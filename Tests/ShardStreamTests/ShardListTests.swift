import Basics
import Foundation
import TestFolders
import Testing

@testable import ShardStream

@Suite struct ShardListTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["00000.tar", "00001.tar", "00002.tar", "x.tar", "y.tar.zst", "notes.txt", ".hidden.tar"] {
      try Data().write(to: folder.file(name))
    }
  }

  private func names(_ specs: String...) throws -> [String] {
    try ShardList.resolve(specs.map { folder.url.path + "/" + $0 }).map(\.lastPathComponent)
  }

  @Test func takesFoldersGlobsRangesAndLists() throws {
    #expect(try names("") == ["00000.tar", "00001.tar", "00002.tar", "x.tar", "y.tar.zst"])
    #expect(try names("0*.tar") == ["00000.tar", "00001.tar", "00002.tar"])
    #expect(try names("{00001..00002}.tar") == ["00001.tar", "00002.tar"])
    #expect(try names("{x,00001}.tar") == ["x.tar", "00001.tar"])
    #expect(try names("x.tar", "0000[01].tar") == ["x.tar", "00000.tar", "00001.tar"])
    #expect(try ShardList.resolve(folder.file("x.tar").path).count == 1)
  }

  @Test func toleratesWhatLiesBesideShards() throws {
    for name in ["00000.tar.kelip-index", "00000_stats.json", "00000.parquet", "y.tar.zst"] {
      try Data().write(to: folder.file(name))
    }
    #expect(try names("") == ["00000.tar", "00001.tar", "00002.tar", "x.tar", "y.tar.zst"])
    #expect(try names("00000*") == ["00000.tar"])
    #expect(throws: KelipError.self) { try names("*.json") }
    try Data().write(to: folder.file("x.tar.zst"))
    let error = #expect(throws: KelipError.self) { try names("") }
    #expect(error?.message.contains("twice") == true)
  }

  @Test func readsListsFromFiles() throws {
    let list = folder.file("list.txt")
    try Data("/b/{1..2}.tar\n\n/a/0.tar\r\n  \n".utf8).write(to: list)
    #expect(try ShardList.resolve("@" + list.path).map(\.path) == ["/b/{1..2}.tar", "/a/0.tar"])
    try Data("\n".utf8).write(to: list)
    #expect(throws: KelipError.self) { try ShardList.resolve("@" + list.path) }
    #expect(throws: KelipError.self) { try ShardList.resolve("@/absent") }
  }

  @Test func expandsBraces() {
    #expect(BraceExpansion.expand("a{8..11}b") == ["a8b", "a9b", "a10b", "a11b"])
    #expect(BraceExpansion.expand("{0..1}{p,q}") == ["0p", "0q", "1p", "1q"])
    #expect(BraceExpansion.expand("a{b}c{") == ["a{b}c{"])
    #expect(BraceExpansion.expand("{3..1}") == ["{3..1}"])
    #expect(BraceExpansion.expand("") == [""])
  }

  @Test(arguments: ["{00001..00003}.tar", "z*.tar", "none"])
  func namesWhatIsNotThere(_ spec: String) throws {
    let error = #expect(throws: KelipError.self) { try names(spec) }
    #expect(error?.location?.hasPrefix(folder.url.path) == true)
    #expect(error?.hint?.contains(".tar") == true)
  }

  @Test func refusesEmptyListsEmptyFoldersAndDoubles() throws {
    #expect(throws: KelipError.self) { try ShardList.resolve([]) }
    let empty = try TemporaryFolder()
    #expect(throws: KelipError.self) { try ShardList.resolve(empty.url.path) }
    #expect(throws: KelipError.self) { try names("x.tar", "*.tar") }
  }
}
