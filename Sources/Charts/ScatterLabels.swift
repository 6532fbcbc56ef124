import Imaging

/// Finds places for the names of points: beside them, and not over a line, name or point where there is room.
struct ScatterLabels {
  private static let gap = 8

  let plot: Box
  /// Of a line of text.
  let height: Int
  /// What names do not stand on, besides each other and the points.
  let lines: [Box]

  /// - Parameters:
  ///   - marks: the middles of the points.
  ///   - widths: of the names.
  func places(_ marks: [(x: Int, y: Int)], widths: [Int]) -> [Box] {
    var taken = lines + marks.map { Box(x: $0.x - 5, y: $0.y - 5, width: 11, height: 11) }
    return zip(marks, widths).map { mark, width in
      let candidates = candidates(mark, width)
      let free = candidates.first { box in isInside(box) && !taken.contains { Self.overlap(box, $0) } }
      let place = free ?? candidates.first(where: isInside) ?? candidates[0]
      taken.append(place)
      return place
    }
  }

  /// Right and above, right and below, the same to the left; then farther up and down.
  private func candidates(_ mark: (x: Int, y: Int), _ width: Int) -> [Box] {
    let left = mark.x - Self.gap - width
    return [0, 1, 2].flatMap { row -> [Box] in
      let above = mark.y - 5 - height - row * (height + 2)
      let below = mark.y + 5 + row * (height + 2)
      return [(mark.x + Self.gap, above), (mark.x + Self.gap, below), (left, above), (left, below)].map {
        Box(x: $0.0, y: $0.1, width: width, height: height)
      }
    }
  }

  private func isInside(_ box: Box) -> Bool {
    box.x >= plot.x && box.x + box.width <= plot.x + plot.width && box.y >= plot.y - height
      && box.y + box.height <= plot.y + plot.height
  }

  private static func overlap(_ a: Box, _ b: Box) -> Bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
  }
}
