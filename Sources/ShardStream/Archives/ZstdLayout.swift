import Synchronization

/// A place of the compressed file at which decompression can begin: the start of a frame.
struct RestartPoint: Equatable, Sendable {
  /// Byte of the compressed file.
  let stored: Int
  /// Byte of the tar.
  let offset: Int
}

/// Where a `.tar.zst` can be entered, as far as that has been found out.
///
/// Frames are gathered into groups of `smallestGroup` bytes or more, so that a million tiny frames need no million
/// entries. Groups are cut into pieces of `ZstdPiece.largestSize` bytes; a piece is what is kept decompressed.
final class ZstdLayout: Sendable {
  static let smallestGroup = 1 << 20
  /// From here on the way into a group is long.
  private static let largeGroup = 32 << 20

  /// Names the file in the cache of pieces.
  let number: UInt64

  fileprivate struct State {
    var points = [RestartPoint(stored: 0, offset: 0)]
    /// The first frame that is not yet known, and the end of what is known to belong to the last point.
    var frontier = RestartPoint(stored: 0, offset: 0)
    var knownEnd = 0
    var hasLargeGroup = false
  }

  private let state = Mutex(State())

  init(number: UInt64) { self.number = number }

  var frontier: RestartPoint { state.withLock { $0.frontier } }
  var hasLargeGroup: Bool { state.withLock { $0.hasLargeGroup } }

  /// Whether a frame that starts at `offset` begins a new group.
  static func beginsGroup(_ offset: Int, after last: Int) -> Bool { offset - last >= smallestGroup }

  /// Says that a frame starts at `point`, and that all frames before it have been told.
  func frameStarts(at point: RestartPoint) {
    state.withLock { state in
      guard point.offset >= state.frontier.offset, point.stored >= state.frontier.stored else { return }
      state.frontier = point
      state.reach(point.offset)
      if Self.beginsGroup(point.offset, after: state.points.last!.offset) { state.points.append(point) }
    }
  }

  /// Says that the last frame told reaches to `offset` at least.
  func frameReaches(_ offset: Int) {
    state.withLock { $0.reach(offset) }
  }

  /// The last point at or before `offset`, of those that are known.
  func restart(before offset: Int) -> RestartPoint {
    state.withLock { $0.points[$0.index(offset)] }
  }

  /// Where the piece that holds `offset` begins; nil when that is not known yet.
  func pieceStart(_ offset: Int) -> Int? {
    state.withLock { state -> Int? in
      guard offset < state.knownEnd else { return nil }
      let group = state.points[state.index(offset)].offset
      return offset - (offset - group) % ZstdPiece.largestSize
    }
  }

  /// The bytes of the file that hold a part of the tar; nil when that is not known, or too much to be wanted.
  func storedRange(_ range: Range<Int>, fileSize: Int) -> Range<Int>? {
    state.withLock { state -> Range<Int>? in
      guard range.upperBound <= state.knownEnd else { return nil }
      let first = state.points[state.index(range.lowerBound)]
      let next = state.index(range.upperBound) + 1
      let end = next < state.points.count ? state.points[next].stored : fileSize
      return end - first.stored <= Self.largeGroup ? first.stored..<end : nil
    }
  }
}

extension ZstdLayout.State {
  fileprivate mutating func reach(_ offset: Int) {
    knownEnd = max(knownEnd, offset)
    if knownEnd - points.last!.offset > ZstdLayout.largeGroup { hasLargeGroup = true }
  }

  /// Of the last point at or before `offset`.
  fileprivate func index(_ offset: Int) -> Int {
    var (low, high) = (0, points.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if points[middle].offset <= offset { low = middle } else { high = middle }
    }
    return low
  }
}

/// The layouts of this process, so that a shard that is opened again is not explored again.
enum ZstdLayouts {
  private static let capacity = 4096
  private static let known = Mutex((layouts: [FileIdentity: ZstdLayout](), count: UInt64(0)))

  static func layout(of file: FileIdentity) -> ZstdLayout {
    known.withLock { known in
      if let layout = known.layouts[file] { return layout }
      if known.layouts.count >= capacity { known.layouts.removeAll() }
      known.count += 1
      let layout = ZstdLayout(number: known.count)
      known.layouts[file] = layout
      return layout
    }
  }
}
