import Foundation

/// Where a member's data lies in its shard.
package struct MemberRange: Codable, Equatable, Sendable {
  package let offset: Int
  package let size: Int

  package init(offset: Int, size: Int) {
    self.offset = offset
    self.size = size
  }
}

/// The members of a sample that the stream uses.
package struct SampleMembers: Equatable, Sendable {
  package let image: MemberRange
  package let text: MemberRange
  package let metadata: MemberRange?

  /// The part of the shard that holds all of them: members of a sample are adjacent.
  var extent: Range<Int> {
    let all = [image, text, metadata].compactMap(\.self)
    return all.map(\.offset).min()!..<all.map { $0.offset + $0.size }.max()!
  }
}

/// The samples of one shard in flat arrays: 24 bytes a sample and its key.
///
/// Offsets are kept in blocks of 512 bytes, which is where tar puts data: 32 bits reach 2 TiB.
package struct ShardTable: Sendable {
  /// Marks a sample without metadata.
  private static let none = UInt32.max

  package let url: URL
  private var places: [UInt32] = []
  private var keyBytes: [UInt8] = []
  private var keyEnds: [UInt32] = []

  init(url: URL) { self.url = url }

  package var count: Int { keyEnds.count }

  package func key(_ index: Int) -> String {
    let start = index == 0 ? 0 : Int(keyEnds[index - 1])
    return String(decoding: keyBytes[start..<Int(keyEnds[index])], as: UTF8.self)
  }

  package func members(_ index: Int) -> SampleMembers {
    SampleMembers(
      image: range(6 * index)!, text: range(6 * index + 2)!, metadata: range(6 * index + 4))
  }

  private func range(_ place: Int) -> MemberRange? {
    guard places[place] != Self.none else { return nil }
    return MemberRange(offset: Int(places[place]) * TarBlock.size, size: Int(places[place + 1]))
  }

  /// Removes samples from the end, as long as they are as described.
  mutating func removeLast(while isUnwanted: (SampleMembers) -> Bool) {
    while count > 0, isUnwanted(members(count - 1)) {
      keyEnds.removeLast()
      keyBytes.removeLast(keyBytes.count - Int(keyEnds.last ?? 0))
      places.removeLast(6)
    }
  }

  mutating func append(key: String, _ members: SampleMembers) {
    keyBytes.append(contentsOf: key.utf8)
    keyEnds.append(UInt32(keyBytes.count))
    for member in [members.image, members.text, members.metadata] {
      places.append(member.map { UInt32($0.offset / TarBlock.size) } ?? Self.none)
      places.append(UInt32(member?.size ?? 0))
    }
  }
}
