/// Gathers adjacent tar entries with the same key into samples (WebDataset's `group_by_keys`).
///
/// The same key again after another one, or in the next shard, is a new sample.
struct SampleGrouper {
  /// What a group of members turned out to be.
  enum Outcome: Equatable {
    case sample(key: String, SampleMembers)
    case rejected(key: String, RejectedReason)
  }

  private static let imageExtensions: Set<String> = ["jpg", "jpeg", "png", "webp"]
  /// Blocks are counted in 32 bits, and so are the members' sizes.
  static let largestSize = Int(UInt32.max) - 1
  /// A group that goes on and on is no sample, and must not fill the memory.
  private static let largestGroup = 1024
  /// Linux's longest path.
  static let longestKey = 4096

  /// Whether a group without a caption is rejected.
  private let needsText: Bool
  private var key: String?
  private var members: [String: MemberRange] = [:]
  private var firstImage: String?
  private var flaw: RejectedReason?

  init(needsText: Bool = true) { self.needsText = needsText }

  /// Takes the next entry; returns the group that it closes, if it does.
  mutating func take(_ entry: TarEntry) -> Outcome? {
    guard let name = SampleName(path: entry.name) else { return nil }
    // Bytes, not characters: names in two Unicode normal forms are two names.
    let isSame = key.map { $0.utf8.elementsEqual(name.key.utf8) } ?? false
    let closed = isSame ? nil : finish()
    key = name.key
    add(name.fileExtension, entry)
    return closed
  }

  /// The group gathered so far, if any; the next entry starts a new one.
  mutating func finish() -> Outcome? {
    guard let key else { return nil }
    defer { self = SampleGrouper(needsText: needsText) }
    if let flaw { return .rejected(key: key, flaw) }
    guard let firstImage, let image = members[firstImage] else { return .rejected(key: key, .missingImage) }
    let found = SampleMembers(image: image, text: members["txt"], metadata: members["json"])
    let excess = excess(key, found)
    if found.text == nil, needsText || excess != nil { return .rejected(key: key, .missingText) }
    return excess.map { .rejected(key: key, $0) } ?? .sample(key: key, found)
  }

  private func excess(_ key: String, _ found: SampleMembers) -> RejectedReason? {
    guard key.utf8.count <= Self.longestKey else { return .keyTooLong }
    guard found.extent.upperBound / TarBlock.size <= Self.largestSize,
      members.values.allSatisfy({ $0.size <= Self.largestSize })
    else { return .tooLarge }
    return nil
  }

  private mutating func add(_ fileExtension: String, _ entry: TarEntry) {
    if firstImage == nil, Self.imageExtensions.contains(fileExtension) { firstImage = fileExtension }
    if entry.isSparse { flaw = flaw ?? .sparseMember }
    guard members.count < Self.largestGroup else { return flaw = .tooManyMembers }
    let range = MemberRange(offset: entry.offset, size: entry.size)
    if members.updateValue(range, forKey: fileExtension) != nil { flaw = flaw ?? .duplicateExtension }
  }
}

/// Why a group of adjacent members with one key is not a sample.
package enum RejectedReason: String, CaseIterable, Sendable {
  case missingImage = "no image member (jpg, jpeg, png, webp)"
  case missingText = "no txt member"
  case duplicateExtension = "an extension occurs twice"
  case tooLarge = "a member of 4 GiB or more, or beyond 2 TiB"
  case sparseMember = "a member is a sparse file"
  case tooManyMembers = "more than 1024 members"
  case keyTooLong = "a key of more than 4096 bytes"

  /// A stable name to count by.
  package var name: String {
    switch self {
    case .missingImage: "missing_image"
    case .missingText: "missing_text"
    case .duplicateExtension: "duplicate_extension"
    case .tooLarge: "member_too_large"
    case .sparseMember: "member_sparse"
    case .tooManyMembers: "too_many_members"
    case .keyTooLong: "key_too_long"
    }
  }
}
