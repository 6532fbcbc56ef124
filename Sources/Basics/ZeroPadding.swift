extension BinaryInteger {
  /// With zeros in front, at least `digits` long: 7 → 00007. Not for negative numbers.
  package func padded(to digits: Int, radix: Int = 10) -> String {
    let text = String(self, radix: radix)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
