import Basics
import Foundation
import Imaging
import ShardStream

/// Which members of a tar make a sample.
package struct MemberNames: Sendable {
  /// The picture's extension; nil for the first of jpg, jpeg, png, webp.
  package var image: String?
  package var caption: String
  /// Where the `.json` member has the caption; nil takes the caption's member, and `caption` of the `.json` where there
  /// is none.
  package var captionKey: String?

  package init(image: String? = nil, caption: String = "txt", captionKey: String? = nil) {
    (self.image, self.caption, self.captionKey) = (image, caption, captionKey)
  }
}

/// Tars of which adjacent members with the same key belong together, whatever they are called.
struct ShardSource: ImportSource {
  let shards: [URL]
  let members: MemberNames
  /// Groups before each tar, and one more for all.
  let starts: [Int]

  var count: Int { starts.last! }

  init(_ shards: [URL], members: MemberNames, counts: [Int]) {
    self.shards = shards
    self.members = members
    starts = counts.reduce(into: [0]) { $0.append($0.last! + $1) }
  }

  /// How many groups a tar has; damage ends it.
  static func count(_ shard: URL) throws -> Int {
    var walk = try MemberWalk(shard)
    var count = 0
    while try walk.next() != nil { count += 1 }
    return count
  }

  func forEach(in range: Range<Int>, _ body: (Int, Result<ImportRow, NamedFault>) throws -> Void) throws {
    for shard in shards.indices {
      let part = range.clamped(to: starts[shard]..<starts[shard + 1])
      guard !part.isEmpty else { continue }
      var walk = try MemberWalk(shards[shard])
      for number in starts[shard]..<part.upperBound {
        guard let group = try walk.next() else {
          throw KelipError(
            "the shard has fewer samples than before", at: shards[shard].path,
            hint: "it changed: remove the output folder")
        }
        if number >= part.lowerBound { try body(number, row(number, group, walk.file)) }
      }
    }
  }

  private func row(_ number: Int, _ group: MemberGroup, _ file: ShardFile) throws -> Result<
    ImportRow, NamedFault
  > {
    do {
      guard !group.hasDuplicate else { throw ImportFault.duplicateExtension }
      guard let picture = picture(group) else { throw ImportFault.imageMissing }
      let metadata = try metadata(group, file)
      var kept = metadata ?? [:]
      if kept["original_key"] == nil { kept["original_key"] = group.key }
      return .success(
        ImportRow(
          number: number, name: group.key, picture: .member(file, picture),
          caption: try caption(group, metadata, file), language: kept["language"] as? String, metadata: kept))
    } catch let fault as ImportFault {
      return .failure(NamedFault(name: group.key, fault: fault))
    }
  }

  private func picture(_ group: MemberGroup) -> MemberRange? {
    if let image = members.image { return group.members[image.lowercased()] }
    return group.order.first(where: ImageFormat.fileExtensions.contains).flatMap { group.members[$0] }
  }

  private func metadata(_ group: MemberGroup, _ file: ShardFile) throws -> [String: Any]? {
    guard let range = group.members["json"] else { return nil }
    guard range.size <= ImportFiles.largestCaption else { throw ImportFault.metadataInvalid }
    return SampleMetadata(try file.bytes(range)).values
  }

  private func caption(
    _ group: MemberGroup, _ metadata: [String: Any]?, _ file: ShardFile
  ) throws -> ImportRow.Content {
    if members.captionKey == nil, let text = group.members[members.caption.lowercased()] {
      return .member(file, text)
    }
    guard let text = metadata?[members.captionKey ?? "caption"] as? String else {
      throw ImportFault.captionMissing
    }
    return .bytes(Array(text.utf8))
  }
}

/// Adjacent members of a tar with one key.
struct MemberGroup {
  var key: String
  /// By extension, in lower case.
  var members: [String: MemberRange] = [:]
  /// Extensions as they came.
  var order: [String] = []
  var hasDuplicate = false
}

/// A tar from its first member to its last, or to its damage.
struct MemberWalk {
  let file: ShardFile
  private var reader: TarReader
  private var pending: MemberGroup?
  private var isAtEnd = false

  init(_ url: URL) throws {
    file = try ShardFile(url: url)
    reader = TarReader(file: file)
  }

  mutating func next() throws -> MemberGroup? {
    while !isAtEnd {
      guard let entry = try entry() else {
        isAtEnd = true
        break
      }
      guard let name = SampleName(path: entry.name) else { continue }
      if let group = take(entry, name) { return group }
    }
    defer { pending = nil }
    return pending
  }

  private mutating func entry() throws -> TarEntry? {
    do {
      return try reader.next()
    } catch is TarFault {
      return nil
    }
  }

  /// The group that this member closes, if it does.
  private mutating func take(_ entry: TarEntry, _ name: SampleName) -> MemberGroup? {
    let isSame = pending.map { $0.key.utf8.elementsEqual(name.key.utf8) } ?? false
    let closed = isSame ? nil : pending
    if !isSame { pending = MemberGroup(key: name.key) }
    let range = MemberRange(offset: entry.offset, size: entry.size)
    if pending!.members.updateValue(range, forKey: name.fileExtension) != nil { pending!.hasDuplicate = true }
    pending!.order.append(name.fileExtension)
    return closed
  }
}
