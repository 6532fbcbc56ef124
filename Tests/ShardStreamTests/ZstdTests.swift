import Basics
import Dispatch
import Foundation
import Synchronization
import TestFolders
import Testing

@testable import ShardStream

@Suite struct ZstdTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Samples `0` … whose pictures are `size` bytes, different ones.
  private func tar(_ count: Int, size: Int = 3000, isEnded: Bool = true) -> TestTar {
    var tar = TestTar()
    var draw = SeededGenerator(seed: 1)
    for number in 0..<count {
      let noise = draw.next()
      tar.add("\(number).jpg", withUnsafeBytes(of: noise) { [UInt8](repeating: $0[0], count: size - 8) + $0 })
      tar.add("\(number).txt", "caption \(number)")
    }
    if isEnded { tar.end() }
    return tar
  }

  private func write(_ zstd: TestZstd, as name: String = "a.tar.zst") throws -> URL {
    try zstd.write(to: folder.file(name))
    return folder.file(name)
  }

  private func checksum(_ data: some Collection<UInt8>) -> [UInt8] {
    TestZstd.littleEndian(Int(truncatingIfNeeded: xxh64(Array(data))), 4)
  }

  /// Every member of a compressed shard is what it is in the plain one.
  private func expectSame(_ url: URL, _ plain: TestTar) throws {
    let expected = try ShardCatalogue.load([try folder.write(plain, as: "plain.tar")])
    let catalogue = try ShardCatalogue.load([url])
    #expect(catalogue.faults.isEmpty && expected.sampleCount > 0)
    try #require(catalogue.sampleCounts == expected.sampleCounts)
    let (source, other) = (SampleSource(catalogue: catalogue), SampleSource(catalogue: expected))
    for number in (0..<catalogue.sampleCount).reversed() {
      let id = SampleID(shard: 0, index: number)
      #expect(try source.key(id) == other.key(id))
      #expect(try source.members(id) == other.members(id))
      let image = try source.members(id).image
      #expect(try source.bytes(image, of: id) == other.bytes(image, of: id))
    }
  }

  @Test(arguments: [1, 511, 7000, 1 << 20, .max], [true, false])
  func framesOfAnyLengthGiveTheTar(_ length: Int, _ tellsSize: Bool) throws {
    let plain = tar(length == 1 ? 1 : 400)
    var zstd = TestZstd()
    var rest = plain.bytes[...]
    zstd.addSkippable([])
    while !rest.isEmpty {
      let part = rest.prefix(length)
      zstd.add(
        part, tellsSize: tellsSize, checksum: length < 10_000 && rest.count % 2 == 0 ? checksum(part) : [])
      if rest.count % 3 == 0 { zstd.addSkippable([1, 2, 3]) }
      if rest.count % 5 == 0 { zstd.add([]) }
      rest = rest.dropFirst(part.count)
    }
    zstd.addSkippable([UInt8](repeating: 7, count: 100))
    try expectSame(try write(zstd), plain)
    try FileManager.default.moveItem(at: folder.file("a.tar.zst"), to: folder.file("named.tar"))
    try expectSame(folder.file("named.tar"), plain)
  }

  /// Without a scan before it, from whichever place.
  @Test(arguments: [true, false]) func randomReadsNeedNoScan(_ tellsSize: Bool) throws {
    let plain = tar(1100)
    var zstd = TestZstd()
    for start in stride(from: 0, to: plain.bytes.count, by: 1_100_000) {
      zstd.add(plain.bytes[start..<min(start + 1_100_000, plain.bytes.count)], tellsSize: tellsSize)
      zstd.addSkippable([1])
    }
    let url = try write(zstd)
    var draw = SeededGenerator(seed: 2)
    let starts = (0..<40).map { _ in Int(draw.next() % UInt64(plain.bytes.count - 5000)) }
    let file = try ShardFile(url: url)
    DispatchQueue.concurrentPerform(iterations: starts.count) { turn in
      let start = starts[turn]
      #expect((try? file.bytes(at: start, count: 5000)) == Array(plain.bytes[start..<(start + 5000)]))
    }
    #expect(throws: KelipError.self) { try file.bytes(at: plain.bytes.count - 10, count: 11) }
    #expect(!file.isRandomAccessSlow)
  }

  /// A frame of many pieces, and a cache that holds but two of them.
  @Test func largeFramesDoNotNeedToFitTheCache() throws {
    let plain = (0..<208).reduce(into: [UInt8]()) { $0 += [UInt8](repeating: UInt8($1), count: 1 << 16) }
    var zstd = TestZstd()
    zstd.add(plain, tellsSize: false)
    let cache = ZstdPieceCache(budget: 9 << 20)
    let archive = ZstdArchive(try PositionalFile(path: try write(zstd).path), cache: cache)
    for start in [12 << 20, 5 << 20, 0, 9_000_001, 13 << 20 - 70_000] {
      let bytes = try [UInt8](unsafeUninitializedCapacity: 70_000) { buffer, count in
        count = try archive.read(into: UnsafeMutableRawBufferPointer(buffer), at: start, as: .random)
      }
      #expect(bytes.elementsEqual(plain[start..<min(start + 70_000, plain.count)]), "\(start)")
      #expect(cache.byteCount <= 9 << 20)
    }
  }

  private func damaged(_ zstd: TestZstd) throws -> (keys: [String], fault: TarFault?) {
    let scan = try ShardScan(path: try write(zstd).path)
    return ((0..<scan.table.count).map(scan.table.key), scan.summary.fault?.fault)
  }

  @Test func aWrongChecksumCostsItsFrameAndWhatFollows() throws {
    let plain = tar(4).bytes
    // A sample is 4,608 bytes; the second frame begins within the third sample.
    var zstd = TestZstd()
    zstd.add(plain[..<11_000])
    zstd.add(plain[11_000..<16_000], checksum: checksum(plain[11_000..<16_001]))
    zstd.add(plain[16_000...])
    let (keys, fault) = try damaged(zstd)
    #expect(keys == ["0", "1"])
    #expect(fault?.reasonName == "zstd_corrupt" && fault?.soundEnd == 11_000)
  }

  @Test func theLastChecksumCountsToo() throws {
    let plain = tar(2).bytes
    var zstd = TestZstd()
    zstd.add(plain, checksum: checksum(plain.dropLast()))
    let (keys, fault) = try damaged(zstd)
    #expect(keys.isEmpty && fault?.reason == .zstdCorrupt && fault?.soundEnd == 0)
  }

  @Test func truncationKeepsWhatIsThere() throws {
    let plain = tar(40, size: 30_000).bytes
    var zstd = TestZstd()
    zstd.add(plain)
    zstd.bytes.removeLast(zstd.bytes.count / 2)
    let (keys, fault) = try damaged(zstd)
    // What a raw block brought before its end is there.
    #expect(keys.count >= 10 && keys.count <= 20 && fault?.reason == .zstdTruncated)
    zstd.bytes.removeAll()
    #expect(try damaged(zstd).fault?.reason == .zstdTruncated)
    zstd.bytes = [0x28, 0xB5]
    #expect(try damaged(zstd).fault?.reason == .zstdTruncated)
    zstd.bytes = Array(TestZstd.header(contentSize: 5).dropLast())
    #expect(try damaged(zstd).fault?.reason == .zstdTruncated)
    zstd.bytes = [0x50, 0x2A, 0x4D, 0x18, 255, 255, 255, 255]
    #expect(try damaged(zstd).fault?.reason == .zstdTruncated)
  }

  @Test func framesWhoseHeadersDoNotFitTheirContentAreDamage() throws {
    let plain = tar(2).bytes
    for told in [plain.count - 1, plain.count + 1] {
      var zstd = TestZstd()
      zstd.add(plain)
      zstd.bytes.replaceSubrange(6..<14, with: TestZstd.littleEndian(told, 8))
      let (keys, fault) = try damaged(zstd)
      #expect(keys.isEmpty && fault?.reason == .zstdCorrupt)
    }
    var zstd = TestZstd()
    zstd.add(plain[..<5120])
    zstd.bytes += [1, 2, 3, 4, 5, 6]
    #expect(try damaged(zstd) == (["0"], TarFault(reason: .zstdCorrupt, offset: 5120)))
    #expect(try damaged(TestZstd(bytes: plain)).fault?.reason == .zstdUnknownFormat)
  }

  @Test func windowsAndDictionariesAreRefusedBeforeTheyCost() throws {
    for (log, reason) in [(28, TarFault.Reason.zstdWindowTooLarge), (41, .zstdWindowTooLarge)] {
      var zstd = TestZstd()
      let plain = tar(2).bytes
      zstd.add(plain[..<5120])
      zstd.bytes += TestZstd.header(windowLog: log) + TestZstd.block(type: 0, size: 1, isLast: true) + [0]
      #expect(try damaged(zstd) == (["0"], TarFault(reason: reason, offset: 5120)))
    }
    // A single segment needs a window as large as what it holds.
    let single: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0] + TestZstd.littleEndian(1 << 27 + 1, 8)
    #expect(try damaged(TestZstd(bytes: single + [0, 0, 0, 0])).fault?.reason == .zstdWindowTooLarge)
    let dictionary: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x01, 0x50, 7, 1, 0, 0]
    #expect(try damaged(TestZstd(bytes: dictionary)).fault?.reason == .zstdNeedsDictionary)
    var largest = TestZstd()
    let plain = tar(1).bytes
    largest.bytes = TestZstd.header(windowLog: 27) + TestZstd.block(type: 0, size: plain.count, isLast: true)
    largest.bytes += plain
    #expect(try damaged(largest) == (["0"], nil))
  }

  @Test(arguments: [true, false]) func bombsEndTheShard(_ tellsSize: Bool) throws {
    let plain = tar(2, isEnded: false).bytes
    var zstd = TestZstd()
    zstd.add(plain)
    // A member of 7 GiB, and 10 GiB of zeros out of 320 KiB of blocks.
    zstd.add(TestTar.block(name: "bomb.jpg", size: 7 << 30, type: "0"))
    zstd.addZeros(blocks: 80 << 10, tellsSize: tellsSize)
    let (keys, fault) = try damaged(zstd)
    #expect(keys == ["0", "1"] && fault?.reason == .zstdBomb)
    #expect(fault!.offset <= 300 << 20)
  }

  @Test func whatTheWriterCompressesComesBack() throws {
    let plain = folder.file("w.tar")
    let compressed = folder.file("w.tar.zst")
    for url in [plain, compressed] {
      let writer = try TarWriter(path: url.path)
      for number in 0..<7 {
        try writer.append(
          name: "한글/\(number).jpg", bytes: [UInt8](repeating: UInt8(number), count: 1_500_000))
        try writer.append(name: "한글/\(number).txt", bytes: Array("빨간 배".utf8))
      }
      try writer.finish()
    }
    let bytes = try Array(Data(contentsOf: plain))
    try expectSame(compressed, TestTar(bytes: bytes))
    let stored = try Array(Data(contentsOf: compressed))
    // The seekable format's end: frames, descriptor, magic.
    #expect(stored.suffix(9) == [3, 0, 0, 0, 0, 0xB1, 0xEA, 0x92, 0x8F])
    let file = try ShardFile(url: compressed)
    #expect(try file.bytes(at: bytes.count - 600, count: 600) == bytes.suffix(600))
    #expect(file.isCompressed && !file.isRandomAccessSlow && file.size == stored.count)
  }

  @Test func aCacheForgetsWhatWasUsedLongestAgo() {
    let cache = ZstdPieceCache(budget: 3 * (1000 + 256))
    let key = { ZstdPieceCache.Key(layout: 1, start: $0) }
    for start in 0..<3 {
      cache.insert(ZstdPiece(start: start, bytes: [UInt8](repeating: 0, count: 1000), fault: nil), key(start))
    }
    for _ in 0..<5000 { #expect(cache.piece(key(0)) != nil) }
    cache.insert(ZstdPiece(start: 3, bytes: [UInt8](repeating: 0, count: 1000), fault: nil), key(3))
    #expect((0..<4).map { cache.piece(key($0)) != nil } == [true, false, true, true])
    cache.budget = 1300
    #expect((0..<4).map { cache.piece(key($0)) != nil } == [false, false, false, true])
    cache.insert(ZstdPiece(start: 9, bytes: [UInt8](repeating: 0, count: 2000), fault: nil), key(9))
    #expect(cache.byteCount == 0)
  }
}
