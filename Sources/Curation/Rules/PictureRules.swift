/// `min_side: 64`: no side shorter than so many pixels.
struct MinSide: SampleRule {
  static let key = "min_side"
  let pixels: Int

  init(_ settings: RuleSettings) throws { pixels = try settings.integer(in: 1...1_000_000) }

  func admits(_ candidate: Candidate) -> Bool { min(candidate.width, candidate.height) >= pixels }

  var limits: [ReportLimit] {
    [ReportLimit(distribution: .shorterSide, value: Double(pixels), label: "min_side")]
  }
}

/// `max_aspect: 3`: the longer side is at most so many times the shorter one.
struct MaxAspect: SampleRule {
  static let key = "max_aspect"
  let ratio: Double

  init(_ settings: RuleSettings) throws { ratio = try settings.number(in: 1...1e6) }

  func admits(_ candidate: Candidate) -> Bool {
    Double(max(candidate.width, candidate.height)) <= ratio * Double(min(candidate.width, candidate.height))
  }

  var limits: [ReportLimit] { [ReportLimit(distribution: .aspect, value: ratio, label: "max_aspect")] }
}

/// `max_pixels: 25000000`: width × height is at most this. A larger picture is not decoded.
struct MaxPixels: SampleRule {
  static let key = "max_pixels"
  let pixels: Int

  init(_ settings: RuleSettings) throws { pixels = try settings.integer(in: 1...1_000_000_000) }

  func admits(_ candidate: Candidate) -> Bool { candidate.width * candidate.height <= pixels }

  var limits: [ReportLimit] {
    [ReportLimit(distribution: .megapixels, value: Double(pixels) / 1e6, label: "max_pixels")]
  }
}
