import Captions

/// A shard's table in bytes: about 10 a sample where keys count upwards.
///
/// A sample is, in the order of the tar:
/// - a byte of flags: bits 0–1 the language, bit 2 whether there is metadata, bits 3–5 the order of the members
///   (see `orders`), bit 6 whether there are blocks between members beyond the header that each of them has, bit 7
///   whether there is no caption;
/// - its key without what it shares with the key before: the shared and the further bytes' numbers, the further bytes;
/// - its members in the tar's order: with bit 6 the blocks from the end of the member before, then the size.
enum TableCoding {
  /// Indices of image, text and metadata in the order in which they lie; those that are not there come last.
  private static let orders: [[Int]] = [
    [0, 1, 2], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1], [2, 1, 0],
  ]

  static func write(_ table: ShardTable, to writer: inout ByteWriter) {
    var previousKey: ArraySlice<UInt8> = []
    var block = 0
    for index in 0..<table.count {
      let members = table.members(index)
      let places = [members.image, members.text, members.metadata].enumerated()
        .compactMap { item in item.element.map { (kind: item.offset, range: $0) } }
        .sorted { $0.range.offset < $1.range.offset }
      let order =
        places.map(\.kind) + (members.text == nil ? [1] : []) + (members.metadata == nil ? [2] : [])
      var gaps: [Int] = []
      for place in places {
        gaps.append(place.range.offset / TarBlock.size - block)
        block = blockEnd(place.range)
      }
      let isRegular = gaps.allSatisfy { $0 == 1 }
      writer.byte(
        table.language(index).rawValue | (members.metadata == nil ? 0 : 4)
          | UInt8(orders.firstIndex(of: order)!) << 3 | (isRegular ? 0 : 64)
          | (members.text == nil ? 128 : 0))
      let key = table.keyUTF8(index)
      let shared = zip(previousKey, key).prefix { $0 == $1 }.count
      writer.varint(shared)
      writer.varint(key.count - shared)
      writer.raw(key.dropFirst(shared))
      previousKey = key
      for (place, gap) in zip(places, gaps) {
        if !isRegular { writer.varint(gap) }
        writer.varint(place.range.size)
      }
    }
  }

  /// - Parameters:
  ///   - count: samples.
  ///   - tarByteCount: no member reaches beyond.
  static func read(
    _ reader: inout ByteReader, count: Int, tarByteCount: Int
  ) throws(MalformedBytes) -> ShardTable {
    var table = ShardTable()
    var key: [UInt8] = []
    var block = 0
    for _ in 0..<count {
      let flags = try reader.byte()
      guard let language = CaptionLanguage(rawValue: flags & 3), orders.indices.contains(Int(flags >> 3 & 7))
      else { throw MalformedBytes() }
      let (hasText, hasMetadata) = (flags & 128 == 0, flags & 4 != 0)
      try readKey(&reader, &key)
      guard table.hasRoom(for: key) else { throw MalformedBytes() }
      let order = orders[Int(flags >> 3 & 7)].prefix(1 + (hasText ? 1 : 0) + (hasMetadata ? 1 : 0))
      var ranges: (MemberRange?, MemberRange?, MemberRange?) = (nil, nil, nil)
      for kind in order {
        let range = try readRange(&reader, after: block, hasGap: flags & 64 != 0, tarByteCount)
        block = blockEnd(range)
        switch kind {
        case 0: ranges.0 = range
        case 1: ranges.1 = range
        default: ranges.2 = range
        }
      }
      guard let image = ranges.0, (ranges.1 != nil) == hasText, (ranges.2 != nil) == hasMetadata else {
        throw MalformedBytes()
      }
      table.append(key: key, SampleMembers(image: image, text: ranges.1, metadata: ranges.2), language)
    }
    guard reader.remaining == 0 else { throw MalformedBytes() }
    return table
  }

  private static func readKey(_ reader: inout ByteReader, _ key: inout [UInt8]) throws(MalformedBytes) {
    let shared = try reader.varint()
    let further = try reader.take(try reader.varint())
    guard shared <= key.count, shared + further.count <= SampleGrouper.longestKey else {
      throw MalformedBytes()
    }
    key.removeSubrange(shared...)
    key.append(contentsOf: further)
  }

  private static func readRange(
    _ reader: inout ByteReader, after block: Int, hasGap: Bool, _ tarByteCount: Int
  ) throws(MalformedBytes) -> MemberRange {
    let gap = hasGap ? try reader.varint() : 1
    let size = try reader.varint()
    let limit = min(SampleGrouper.largestSize, tarByteCount)
    guard gap > 0, gap <= tarByteCount / TarBlock.size - block, size <= limit,
      (block + gap) * TarBlock.size + size <= tarByteCount, block + gap < SampleGrouper.largestSize
    else { throw MalformedBytes() }
    return MemberRange(offset: (block + gap) * TarBlock.size, size: size)
  }

  private static func blockEnd(_ range: MemberRange) -> Int {
    (range.offset + range.size + TarBlock.size - 1) / TarBlock.size
  }
}
