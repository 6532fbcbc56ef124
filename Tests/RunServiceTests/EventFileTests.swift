import Basics
import Foundation
import TestFolders
import Testing

@testable import RunService

/// What the background has told.
private final class Lines: @unchecked Sendable {
  private let lock = NSLock()
  private var lines: [String] = []
  func add(_ line: String) { lock.withLock { lines.append(line) } }
  var all: [String] { lock.withLock { lines } }
}

@Suite struct CRC32CTests {
  /// RFC 3720, B.4.
  @Test(
    arguments: [
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      ([UInt8](0..<32), 0x46DD_794E), ((0..<32).reversed(), 0x113F_DB5C),
      (Array("123456789".utf8), 0xE306_9283),
      ([], 0),
    ] as [([UInt8], UInt32)])
  func knownSums(bytes: [UInt8], sum: UInt32) {
    #expect(CRC32C.checksum(bytes) == sum)
    // Unmasking, as TensorFlow's crc32c.h has it.
    let rest = CRC32C.masked(bytes) &- 0xA282_EAD8
    #expect(rest >> 17 | rest << 15 == sum)
  }
}

@Suite struct EventFileTests {
  /// Splits a file into its records; checks lengths and sums.
  private func records(_ url: URL) throws -> [[UInt8]] {
    var rest = [UInt8](try Data(contentsOf: url))[...]
    func number(_ count: Int) -> UInt64 {
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    var result: [[UInt8]] = []
    while !rest.isEmpty {
      let lengthBytes = Array(rest.prefix(8))
      let length = Int(number(8))
      #expect(UInt32(number(4)) == CRC32C.masked(lengthBytes))
      let data = Array(rest.prefix(length))
      try #require(data.count == length)
      rest = rest.dropFirst(length)
      #expect(UInt32(number(4)) == CRC32C.masked(data))
      result.append(data)
    }
    return result
  }

  @Test func theBytesOfAFile() throws {
    let folder = try TemporaryFolder()
    let file = try EventFile(in: folder.file("a/tensorboard"), firstStep: 300, wallTime: 1)
    file.append(step: 300, wallTime: 1.5, scalars: [("loss", 0.5), ("손실", .nan)])
    file.append(step: 301, wallTime: 2, scalars: [])
    try file.synchronize()
    let records = try records(file.url)
    #expect(records.count == 4)
    let second: [UInt8] = [9, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F]
    #expect(records[0] == second + [0x1A, 13] + Array("brain.Event:2".utf8))
    // Step 300 is 0xAC 0x02 in groups of seven bits.
    #expect(records[1] == second + [0x10, 0xAC, 2, 0x3A, 2, 8, 1])
    let loss = [0x0A, 4] + Array("loss".utf8) + [0x15, 0, 0, 0, 0x3F]
    let other = [0x0A, 6] + Array("손실".utf8) + [0x15, 0, 0, 0xC0, 0x7F]
    let values = [0x0A, UInt8(loss.count)] + loss + [0x0A, UInt8(other.count)] + other
    #expect(
      records[2] == [9, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0x10, 0xAC, 2, 0x2A, UInt8(values.count)] + values)
    #expect(records[3].suffix(5) == [0x10, 0xAD, 2, 0x2A, 0])
  }

  @Test func laterFilesHaveLaterNames() throws {
    let folder = try TemporaryFolder()
    let names = try [1_700_000_000.9, 1_700_000_000, 1_600_000_000, 1_800_000_000, 5].map { time in
      try EventFile(in: folder.url, firstStep: 1, wallTime: time).url.lastPathComponent
    }
    #expect(names == names.sorted() && Set(names).count == names.count)
    #expect(names[0].hasPrefix("events.out.tfevents.1700000000."))
    #expect(names[2].hasPrefix("events.out.tfevents.1700000002."))
    #expect(names[3].hasPrefix("events.out.tfevents.1800000000."))
  }

  @Test func recordsWithoutRoomAreDroppedWholeAndToldOnce() throws {
    let folder = try TemporaryFolder()
    let lines = Lines()
    let file = try EventFile(
      in: folder.url, firstStep: 1, wallTime: 1, maximumWaitingBytes: 10, report: lines.add)
    for step in 1...3 { file.append(step: step, wallTime: 1, scalars: [("loss", 1)]) }
    try file.synchronize()
    #expect(try Data(contentsOf: file.url).isEmpty)
    #expect(lines.all.count == 1 && lines.all[0].contains("dropped"))
  }

  @Test func aFileInTheWayIsNamed() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder.file("file"))
    let error = #expect(throws: KelipError.self) {
      try EventFile(in: folder.file("file/tensorboard"), firstStep: 1, wallTime: 1)
    }
    #expect(error?.location?.contains("file/tensorboard") == true)
  }
}

@Suite struct BackgroundFileTests {
  @Test func aFullDiskLosesNothingAndIsToldOnce() throws {
    let lines = Lines()
    do {
      let file = try BackgroundFile(
        at: URL(fileURLWithPath: "/dev/full"), maximumWaitingBytes: 10, report: lines.add)
      #expect(file.append([1, 2, 3]))
      #expect(throws: KelipError.self) { try file.synchronize() }
      #expect(throws: KelipError.self) { try file.synchronize() }
      #expect(file.append([4, 5, 6, 7, 8, 9, 10]))
      #expect(!file.append([11]))
      #expect(throws: KelipError.self) { try file.synchronize() }
    }
    #expect(lines.all.count == 1 && lines.all[0].contains("No space left"))
  }

  @Test func manyThreadsWriteWholePieces() throws {
    let folder = try TemporaryFolder()
    let file = try BackgroundFile(at: folder.file("f"), maximumWaitingBytes: 1 << 20) { _ in }
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for _ in 0..<50 { #expect(file.append([UInt8](repeating: UInt8(thread), count: 7))) }
    }
    try file.synchronize()
    let bytes = [UInt8](try Data(contentsOf: folder.file("f")))
    #expect(bytes.count == 8 * 50 * 7)
    for start in stride(from: 0, to: bytes.count, by: 7) {
      #expect(Set(bytes[start..<(start + 7)]).count == 1)
    }
  }

  @Test func aNewFileMustBeNew() throws {
    let folder = try TemporaryFolder()
    try Data("x".utf8).write(to: folder.file("f"))
    #expect(throws: KelipError.self) {
      try BackgroundFile(at: folder.file("f"), isNew: true, maximumWaitingBytes: 1) { _ in }
    }
  }
}
