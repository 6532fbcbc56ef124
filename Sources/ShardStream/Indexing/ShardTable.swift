import Captions
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
  /// There in every sample of a catalogue of pairs.
  package let text: MemberRange?
  package let metadata: MemberRange?

  /// The part of the shard that holds all of them: members of a sample are adjacent.
  package var extent: Range<Int> {
    let all = [image, text, metadata].compactMap(\.self)
    return all.map(\.offset).min()!..<all.map { $0.offset + $0.size }.max()!
  }
}

/// The samples of one shard in flat arrays: 33 bytes a sample and its key.
///
/// Offsets are kept in blocks of 512 bytes, which is where tar puts data: 32 bits reach 2 TiB.
package struct ShardTable: Equatable, Sendable {
  /// Marks a member that a sample lacks.
  private static let none = UInt32.max

  private var places: [UInt32] = []
  private var keyBytes: [UInt8] = []
  private var keyEnds: [UInt32] = []
  private var languages: [UInt8] = []
  /// The indices of the samples of each language, in their order.
  private var indices = [[UInt32]](repeating: [], count: CaptionLanguage.allCases.count)

  /// Samples that are pictures without a caption.
  package private(set) var captionlessCount = 0

  package var count: Int { keyEnds.count }
  /// Samples by language, in the order of `CaptionLanguage.allCases`.
  package var languageCounts: [Int] { indices.map(\.count) }
  /// Bytes of memory, about.
  package var byteCount: Int { keyBytes.count + 33 * count + 256 }

  package func key(_ index: Int) -> String { String(decoding: keyUTF8(index), as: UTF8.self) }

  func keyUTF8(_ index: Int) -> ArraySlice<UInt8> {
    let start = index == 0 ? 0 : Int(keyEnds[index - 1])
    return keyBytes[start..<Int(keyEnds[index])]
  }

  package func members(_ index: Int) -> SampleMembers {
    SampleMembers(
      image: range(6 * index)!, text: range(6 * index + 2), metadata: range(6 * index + 4))
  }

  private func range(_ place: Int) -> MemberRange? {
    guard places[place] != Self.none else { return nil }
    return MemberRange(offset: Int(places[place]) * TarBlock.size, size: Int(places[place + 1]))
  }

  package func language(_ index: Int) -> CaptionLanguage { CaptionLanguage(rawValue: languages[index])! }

  /// The index of sample `ordinal` (from 0 on) among those of `language`; there must be one.
  package func index(ofLanguage language: CaptionLanguage, ordinal: Int) -> Int {
    Int(indices[Int(language.rawValue)][ordinal])
  }

  /// Whether 32 bits still number the bytes of all keys with this one.
  func hasRoom(for key: some Collection<UInt8>) -> Bool {
    keyBytes.count + key.count < Int(UInt32.max) && count < Int(UInt32.max)
  }

  /// The samples of one kind, in their order.
  package func restricted(to kind: SampleKind) -> ShardTable {
    guard kind == .pairs, captionlessCount > 0 else { return self }
    var pairs = ShardTable()
    for index in 0..<count where members(index).text != nil {
      pairs.append(key: keyUTF8(index), members(index), language(index))
    }
    return pairs
  }

  /// Pictures without a caption by language, in the order of `CaptionLanguage.allCases`.
  var captionlessLanguageCounts: [Int] {
    guard captionlessCount > 0 else { return ShardSummary.noCounts }
    return zip(languageCounts, restricted(to: .pairs).languageCounts).map { $0 - $1 }
  }

  /// Removes samples from the end, as long as they are as described.
  mutating func removeLast(while isUnwanted: (SampleMembers) -> Bool) {
    while count > 0, isUnwanted(members(count - 1)) {
      if members(count - 1).text == nil { captionlessCount -= 1 }
      indices[Int(languages.removeLast())].removeLast()
      keyEnds.removeLast()
      keyBytes.removeLast(keyBytes.count - Int(keyEnds.last ?? 0))
      places.removeLast(6)
    }
  }

  /// - Parameter key: UTF-8, for which there is room.
  mutating func append(key: some Collection<UInt8>, _ members: SampleMembers, _ language: CaptionLanguage) {
    if members.text == nil { captionlessCount += 1 }
    indices[Int(language.rawValue)].append(UInt32(count))
    languages.append(language.rawValue)
    keyBytes.append(contentsOf: key)
    keyEnds.append(UInt32(keyBytes.count))
    for member in [members.image, members.text, members.metadata] {
      places.append(member.map { UInt32($0.offset / TarBlock.size) } ?? Self.none)
      places.append(UInt32(member?.size ?? 0))
    }
  }
}
