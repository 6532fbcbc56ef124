import Foundation

/// Numbers in columns, for people.
enum Text {
  /// `value` with `digits` behind the point.
  static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  /// At the right end of `width` characters.
  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// 5400 → 1 h 30 min; the two largest units.
  static func duration(_ seconds: Double) -> String {
    let units: [(size: Double, name: String)] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    guard seconds >= 60, let index = units.firstIndex(where: { seconds >= $0.size }) else {
      return number(seconds, 2) + " s"
    }
    let (large, small) = (units[index], units[index + 1])
    let count = (seconds / small.size).rounded(.down)
    let per = large.size / small.size
    return
      "\(Int(count / per)) \(large.name) \(Int(count.truncatingRemainder(dividingBy: per))) \(small.name)"
  }
}
