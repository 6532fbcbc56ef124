import Towers

/// The captions of a batch in the groups that go through the text tower at once.
struct CaptionGroups {
  /// In the order of the groups.
  let captions: PackedCaptions
  /// Of each of them, its place in the batch; nil where they stand as they did.
  let places: [Int]?
  /// The groups, as ranges of `captions`.
  let ranges: [Range<Int>]

  /// As they stand.
  init(_ captions: PackedCaptions, ranges: [Range<Int>]) {
    (self.captions, self.ranges, places) = (captions, ranges, nil)
  }

  /// Sorted by length, so that a group has captions of similar length, and cut where another caption would make more
  /// than `tokenBudget` tokens. A caption that is longer has a group of its own.
  init(_ captions: PackedCaptions, tokenBudget: Int) {
    func length(_ place: Int) -> Int { Int(captions.offsets[place + 1] - captions.offsets[place]) }
    let places = (0..<captions.count).sorted { (length($0), $0) < (length($1), $1) }
    var (ranges, first, tokens) = ([Range<Int>](), 0, 0)
    for (number, place) in places.enumerated() {
      if tokens + length(place) > tokenBudget, number > first {
        ranges.append(first..<number)
        (first, tokens) = (number, 0)
      }
      tokens += length(place)
    }
    if first < places.count { ranges.append(first..<places.count) }
    (self.captions, self.places, self.ranges) = (captions.selecting(places), places, ranges)
  }

  /// Features [B, D] in the batch's order from those in the groups'.
  func restore(
    _ grouped: UnsafePointer<Float>, to features: UnsafeMutablePointer<Float>, columns: Int
  ) {
    for (number, place) in (places ?? []).enumerated() {
      (features + place * columns).update(from: grouped + number * columns, count: columns)
    }
  }

  /// The other way.
  func group(
    _ features: UnsafePointer<Float>, to grouped: UnsafeMutablePointer<Float>, columns: Int
  ) {
    for (number, place) in (places ?? []).enumerated() {
      (grouped + number * columns).update(from: features + place * columns, count: columns)
    }
  }
}

extension PackedCaptions {
  /// The captions at `places`, in that order.
  func selecting(_ places: [Int]) -> PackedCaptions {
    var (ids, offsets) = ([Int32](), [Int32(0)])
    ids.reserveCapacity(self.ids.count)
    offsets.reserveCapacity(places.count + 1)
    for place in places {
      ids += self.ids[Int(self.offsets[place])..<Int(self.offsets[place + 1])]
      offsets.append(Int32(ids.count))
    }
    return PackedCaptions(ids: ids, offsets: offsets)
  }
}
