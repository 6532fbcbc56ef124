import Basics
import ShardStream
import TestFolders
import Testing

@Suite struct TarWriterTests {
  @Test func membersOfEveryAwkwardLengthComeBack() throws {
    let folder = try TemporaryFolder()
    let tar = try TarWriter(path: folder.path + "/a.tar")
    let lengths = [0, 1, 511, 512, 513, 2_000_003]
    for length in lengths {
      try tar.append(name: "m\(length)", bytes: [UInt8](repeating: 7, count: length))
    }
    #expect(try folder.names() == ["a.tar.partial"])
    try tar.finish()
    #expect(try folder.names() == ["a.tar"])
    let bytes = try folder.read("a.tar")
    #expect(bytes.count % 512 == 0 && bytes.suffix(1_024).allSatisfy { $0 == 0 })
    let members = tarMembers(bytes)
    #expect(members.map(\.name) == lengths.map { "m\($0)" })
    #expect(members.map(\.content.count) == lengths)
  }

  @Test func theChecksumCountsTheHeaderWithSpacesInItsPlace() throws {
    let folder = try TemporaryFolder()
    let tar = try TarWriter(path: folder.path + "/a.tar")
    try tar.append(name: String(repeating: "n", count: 100), bytes: [1, 2, 3])
    try tar.finish()
    var header = tarMembers(try folder.read("a.tar"))[0].header
    let stored = Int(String(decoding: header[148..<154], as: UTF8.self), radix: 8)
    header.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
    #expect(stored == header.reduce(0) { $0 + Int($1) })
  }

  @Test func anyNameComesBack() throws {
    let folder = try TemporaryFolder()
    let names = [
      "a", "한글.txt", String(repeating: "n", count: 101), String(repeating: "가", count: 400),
      // The record's length counts its own digits: 99 becomes 101.
      String(repeating: "é", count: 45), String(repeating: "é", count: 46), "a\nb.txt", "d/é.jpg",
    ]
    let tar = try TarWriter(path: folder.path + "/a.tar")
    for name in names { try tar.append(name: name, bytes: Array(name.utf8)) }
    try tar.finish()
    let file = try ShardFile(url: folder.file("a.tar"))
    var reader = TarReader(file: file)
    var found: [String] = []
    while let entry = try reader.next() {
      found.append(entry.name)
      #expect(try reader.data(of: entry) == Array(entry.name.utf8))
    }
    #expect(found == names)
  }

  @Test func aMemberOf8GiBIsRefused() throws {
    let folder = try TemporaryFolder()
    let tar = try TarWriter(path: folder.path + "/a.tar")
    // Never read: its length alone is refused.
    let huge = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: 4096), count: 1 << 33)
    #expect(throws: KelipError.self) { try tar.append(name: "a", bytes: huge) }
  }

  @Test func anUnfinishedArchiveLeavesNothing() throws {
    let folder = try TemporaryFolder()
    do {
      let tar = try TarWriter(path: folder.path + "/a.tar")
      try tar.append(name: "x", bytes: [1])
    }
    #expect(try folder.names().isEmpty)
  }

  @Test func aMissingFolderSaysWhere() {
    #expect {
      _ = try TarWriter(path: "/no/such/folder/a.tar")
    } throws: {
      ($0 as? KelipError)?.location == "/no/such/folder/a.tar.partial"
    }
  }
}
