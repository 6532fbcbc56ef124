import Basics

/// Walks the headers of a tar (ustar, GNU long names, PAX) without touching the members' data.
///
/// Headers are read through a small window, so that a sample's short members and the next header cost one
/// `pread`. Damage is thrown as `TarFault` and ends the walk; a fault of the file system is a `KelipError`.
package struct TarReader {
  /// Extended headers hold a path or a few records; anything larger is damage.
  private static let largestExtendedHeader = 1 << 20
  private static let windowSize = 16 << 10

  private let file: ShardFile
  private var position = 0
  private var window: [UInt8] = []
  private var windowStart = 0
  private var isFinished = false

  package init(file: ShardFile) { self.file = file }

  /// The next regular file, or nil at the archive's end marker.
  package mutating func next() throws -> TarEntry? {
    guard !isFinished else { return nil }
    do {
      let entry = try advance()
      isFinished = entry == nil
      return entry
    } catch {
      isFinished = true
      throw error
    }
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
      case UInt8(ascii: "S"), UInt8(ascii: "M"):
        throw TarFault(reason: .unsupportedType, offset: start)
      case UInt8(ascii: "1")...UInt8(ascii: "6"):
        // Links, devices and folders have no data, whatever their size field says.
        (longName, pax) = (nil, nil)
      default:
        let name = pax?.path ?? longName ?? block.name
        let data = try skip(pax?.size ?? block.size, headerAt: start)
        let isFile = [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(block.type)
        if isFile, name.utf8.last != UInt8(ascii: "/") {
          return TarEntry(name: name, offset: data.lowerBound, size: data.count)
        }
        (longName, pax) = (nil, nil)
      }
    }
    return nil
  }

  /// Moves past a member's data and its padding; returns where the data lies.
  private mutating func skip(_ size: Int, headerAt start: Int) throws(TarFault) -> Range<Int> {
    guard size <= file.size - position else { throw TarFault(reason: .truncatedMember, offset: start) }
    let data = position..<(position + size)
    position = (data.upperBound + TarBlock.size - 1) / TarBlock.size * TarBlock.size
    return data
  }

  private mutating func extendedHeader(_ size: Int, headerAt start: Int) throws -> [UInt8] {
    let data = try skip(size, headerAt: start)
    guard size <= Self.largestExtendedHeader else {
      throw TarFault(reason: .badExtendedHeader, offset: start)
    }
    return try file.bytes(at: data.lowerBound, count: size)
  }

  private static func untilNull(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private mutating func readBlock() throws -> TarBlock? {
    guard position < file.size else { throw TarFault(reason: .missingEnd, offset: position) }
    guard position + TarBlock.size <= file.size else {
      throw TarFault(reason: .truncatedHeader, offset: position)
    }
    if position < windowStart || position + TarBlock.size > windowStart + window.count {
      windowStart = position
      window = try file.bytes(at: position, count: min(Self.windowSize, file.size - position))
    }
    return try window.withUnsafeBytes {
      let start = position - windowStart
      return try TarBlock(UnsafeRawBufferPointer(rebasing: $0[start..<(start + TarBlock.size)]), at: position)
    }
  }
}
