import Basics
import Foundation

/// Walks the headers of a tar (ustar, GNU long names, PAX) without touching the members' data.
///
/// Headers are read through a small window, so that a sample's short members and the next header cost one
/// read. Damage is thrown as `TarFault` and ends the walk; a fault of the file system is a `KelipError`. Names are
/// keys and nothing else: no name becomes a path, so `../` and absolute names are as good as others.
package struct TarReader {
  /// Extended headers hold a path or a few records; anything larger is damage.
  private static let largestExtendedHeader = 1 << 20

  private var input: TarInput
  private var position = 0
  private var isFinished = false

  package init(file: ShardFile) { input = TarInput(file) }

  /// The next regular file, or nil at the archive's end marker.
  package mutating func next() throws -> TarEntry? {
    guard !isFinished else { return nil }
    do {
      let entry = try advance()
      if entry == nil { try checkTail() }
      isFinished = entry == nil
      return entry
    } catch {
      isFinished = true
      throw error
    }
  }

  /// The data of the entry that `next` gave last, without a second way through a compressed shard.
  package mutating func data(of entry: TarEntry) throws -> [UInt8] {
    Array(try input.bytes(at: entry.offset, count: entry.size))
  }

  private mutating func advance() throws -> TarEntry? {
    var longName: String?
    var pax: PaxRecords?
    while let block = try readBlock() {
      let start = position
      position += TarBlock.size
      switch block.type {
      case UInt8(ascii: "L"):
        longName = Self.untilNull(try extendedHeader(block.size, headerAt: start))
      case UInt8(ascii: "x"):
        guard let records = PaxRecords(try extendedHeader(block.size, headerAt: start)) else {
          throw TarFault(reason: .badExtendedHeader, offset: start)
        }
        pax = records
      case UInt8(ascii: "K"), UInt8(ascii: "g"):
        _ = try skip(block.size, headerAt: start)
      case UInt8(ascii: "1")...UInt8(ascii: "6"):
        // Links, devices and folders have no data, whatever their size field says.
        (longName, pax) = (nil, nil)
      default:
        if block.hasSparseMap { try skipSparseMaps(headerAt: start) }
        let name = pax?.path ?? longName ?? block.name
        let data = try skip(pax?.size ?? block.size, headerAt: start)
        if block.isFile, name.utf8.last != UInt8(ascii: "/") {
          let isSparse = block.isSparse || pax?.isSparse == true
          return TarEntry(name: name, offset: data.lowerBound, size: data.count, isSparse: isSparse)
        }
        (longName, pax) = (nil, nil)
      }
    }
    return nil
  }

  /// Moves past a member's data and its padding; returns where the data lies.
  private mutating func skip(_ size: Int, headerAt start: Int) throws -> Range<Int> {
    let (end, isTooLarge) = position.addingReportingOverflow(size)
    guard !isTooLarge, end < .max - TarBlock.size, try input.file.reaches(end) else {
      throw TarFault(reason: .truncatedMember, offset: start)
    }
    defer { position = (end + TarBlock.size - 1) / TarBlock.size * TarBlock.size }
    return position..<end
  }

  /// GNU's old sparse format: further blocks follow the header, each of which says whether another one does.
  private mutating func skipSparseMaps(headerAt start: Int) throws {
    var hasMore = true
    while hasMore {
      let map = try input.bytes(at: position, count: TarBlock.size)
      guard map.count == TarBlock.size else { throw TarFault(reason: .truncatedHeader, offset: start) }
      hasMore = map[map.startIndex + 504] != 0
      position += TarBlock.size
    }
  }

  private mutating func extendedHeader(_ size: Int, headerAt start: Int) throws -> [UInt8] {
    let data = try skip(size, headerAt: start)
    guard size <= Self.largestExtendedHeader else {
      throw TarFault(reason: .badExtendedHeader, offset: start)
    }
    return Array(try input.bytes(at: data.lowerBound, count: size))
  }

  private static func untilNull(_ bytes: [UInt8]) -> String {
    TarName.decode(bytes.prefix { $0 != 0 })
  }

  private mutating func readBlock() throws -> TarBlock? {
    let bytes = try input.bytes(at: position, count: TarBlock.size)
    guard !bytes.isEmpty else { throw TarFault(reason: .missingEnd, offset: position) }
    guard bytes.count == TarBlock.size else { throw TarFault(reason: .truncatedHeader, offset: position) }
    return try bytes.withUnsafeBytes { try TarBlock($0, at: position) }
  }

  /// What follows the end marker is not read, as in Python's `tarfile`; anything but zeros there is told.
  ///
  /// Of a plain tar the first MiB is looked at; a compressed one is read to its end, so that its last frame is
  /// held against its checksum.
  private mutating func checkTail() throws {
    let end = position + (input.file.isCompressed ? .max / 2 : 1 << 20)
    var firstData: Int?
    while position < end {
      let bytes = try input.bytes(at: position, count: TarInput.windowSize)
      if firstData == nil, let index = Self.firstData(bytes) {
        firstData = (position + index) / TarBlock.size * TarBlock.size
        if !input.file.isCompressed { break }
      }
      position += bytes.count
      if bytes.count < TarInput.windowSize { break }
    }
    if let firstData { throw TarFault(reason: .dataAfterEnd, offset: firstData) }
  }

  private static let zeros = [UInt8](repeating: 0, count: TarInput.windowSize)

  /// Of the first byte that is not zero. Nearly all there is to read are zeros, a compressed bomb's among them.
  private static func firstData(_ bytes: ArraySlice<UInt8>) -> Int? {
    let isZero = bytes.withUnsafeBytes { bytes in
      zeros.withUnsafeBytes { bytes.isEmpty || memcmp(bytes.baseAddress!, $0.baseAddress!, bytes.count) == 0 }
    }
    return isZero ? nil : bytes.firstIndex { $0 != 0 }! - bytes.startIndex
  }
}
