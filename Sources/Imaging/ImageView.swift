/// What is cut from an upright picture, how large that becomes, which part of it is wanted, and how its colours change.
package struct ImageView: Sendable, Equatable {
  /// In pixels of the picture as it is stored in its file (turned upright), however much it was shrunk while it
  /// was decoded: what is drawn does not depend on how it is decoded.
  package var source: Box
  /// The size that `source` is resized to.
  package var width: Int
  package var height: Int
  /// The part of the resized picture that is computed.
  package var window: Box
  /// The size that the window is resized to in its turn; that of the window where it stays as it is.
  package var outputWidth: Int
  package var outputHeight: Int
  /// What is done to the resized pixels, in this order.
  package var adjustments: [ColourAdjustment] = []
  /// Mirrored left to right at the end.
  package var isFlipped: Bool

  /// - Parameter window: everything unless told.
  package init(source: Box, width: Int, height: Int, window: Box? = nil, isFlipped: Bool = false) {
    precondition(width > 0 && height > 0)
    self.source = source
    self.width = width
    self.height = height
    self.window = window ?? Box(x: 0, y: 0, width: width, height: height)
    outputWidth = self.window.width
    outputHeight = self.window.height
    self.isFlipped = isFlipped
    self.window.requireInside(width: width, height: height)
  }

  /// Whether the window is resized once more.
  var isResizedAgain: Bool { outputWidth != window.width || outputHeight != window.height }

  /// The two axes of resizing in a picture that was shrunk to `scale`.
  ///
  /// - Parameter size: of the shrunk picture; not needed without shrinking.
  func axes(
    scale: JPEGScale = .full, size: (width: Int, height: Int)? = nil
  ) -> (horizontal: ResampledAxis, vertical: ResampledAxis) {
    let horizontal = Self.axis(
      source.x, source.width, scale, limit: size?.width, outputSize: width,
      outputs: window.x..<(window.x + window.width))
    let vertical = Self.axis(
      source.y, source.height, scale, limit: size?.height, outputSize: height,
      outputs: window.y..<(window.y + window.height))
    return (horizontal, vertical)
  }

  private static func axis(
    _ start: Int, _ length: Int, _ scale: JPEGScale, limit: Int?, outputSize: Int, outputs: Range<Int>
  ) -> ResampledAxis {
    let eighths = scale.eighths
    let first = start * eighths / 8
    let end = min(limit ?? .max, scale.applied(to: start + length))
    return ResampledAxis(
      start: Double(start * eighths) / 8, length: Double(length * eighths) / 8, limits: first..<end,
      outputSize: outputSize, outputs: outputs)
  }
}
