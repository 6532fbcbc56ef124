extension Int {
  /// For people: 176575233 → 176,575,233.
  package var digitGrouped: String {
    let digits = String(magnitude)
    let groups = digits.enumerated().map { index, digit in
      (index > 0 && (digits.count - index).isMultiple(of: 3) ? "," : "") + String(digit)
    }
    return (self < 0 ? "-" : "") + groups.joined()
  }
}
