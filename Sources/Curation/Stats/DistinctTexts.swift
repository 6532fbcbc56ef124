import Basics

/// How often each of many texts occurs, in bounded memory and the same in any order of counting.
///
/// Up to `capacity` different texts all of them are counted. Beyond that those whose hash begins with `level` zero bits
/// are: an even sample of the different texts, each still with its full count. (Gibbons' distinct sampling, 2001.)
package struct DistinctTexts: Codable, Equatable, Sendable {
  package struct Entry: Codable, Equatable, Sendable {
    package var count: Int
    /// The text's beginning.
    package var text: String
  }

  package let capacity: Int
  package private(set) var level = 0
  /// Occurrences of all texts, counted or not.
  package private(set) var total = 0
  private var entries: [UInt64: Entry] = [:]

  package init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  package mutating func add(_ text: String) {
    total += 1
    let hash = Self.hash(of: text)
    guard isCounted(hash) else { return }
    entries[hash, default: Entry(count: 0, text: Self.beginning(of: text))].count += 1
    shrink()
  }

  package mutating func merge(_ other: DistinctTexts) {
    precondition(capacity == other.capacity)
    total += other.total
    level = max(level, other.level)
    entries.merge(other.entries) { Entry(count: $0.count + $1.count, text: $0.text) }
    entries = entries.filter { isCounted($0.key) }
    shrink()
  }

  /// Whether all texts are counted.
  package var isExact: Bool { level == 0 }
  /// Different texts; an estimate unless `isExact`.
  package var distinctCount: Int { entries.count << level }
  /// Different texts that occur more than once; an estimate unless `isExact`.
  package var repeatedCount: Int { entries.values.count { $0.count > 1 } << level }

  /// The counted texts that occur most often, more than once: all texts' only if `isExact`.
  package func mostFrequent(_ limit: Int) -> [Entry] {
    entries.filter { $0.value.count > 1 }
      .sorted { ($1.value.count, $0.value.text, $0.key) < ($0.value.count, $1.value.text, $1.key) }
      .prefix(limit).map(\.value)
  }

  private func isCounted(_ hash: UInt64) -> Bool { hash.leadingZeroBitCount >= level }

  private mutating func shrink() {
    while entries.count > capacity {
      level += 1
      entries = entries.filter { isCounted($0.key) }
    }
  }

  /// FNV-1a, mixed so that all bits are even.
  static func hash(of text: String) -> UInt64 {
    Hashing.mix(text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }

  /// Enough to recognise it.
  static func beginning(of text: String) -> String {
    let scalars = text.unicodeScalars
    guard scalars.count > 80 else { return text }
    return String(String.UnicodeScalarView(scalars.prefix(79))) + "…"
  }
}
