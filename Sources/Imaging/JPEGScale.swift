/// How much a JPEG is shrunk while it is decoded, in eighths of its sides: a smaller inverse DCT costs less than
/// a full one and a resize.
package struct JPEGScale: Sendable, Equatable {
  package let eighths: Int

  package init(eighths: Int) {
    precondition((1...8).contains(eighths))
    self.eighths = eighths
  }

  package static let full = JPEGScale(eighths: 8)

  /// The length of a side of `length` pixels, rounded up as libjpeg does.
  package func applied(to length: Int) -> Int { (length * eighths + 7) / 8 }

  /// The smallest scale at which every view still has at least as many samples as it draws, in both directions.
  ///
  /// Only halves, quarters and eighths: libjpeg-turbo's vector code knows no other, and five eighths take longer
  /// than the whole picture. The result stays within 1/255 of the unscaled one in the mean over photographs
  /// (`Tests/Benchmarks/scaled_decode.py` measures it).
  package static func smallest(for views: [ImageView]) -> JPEGScale {
    let enough = [1, 2, 4].first { eighths in
      views.allSatisfy {
        $0.source.width * eighths >= 8 * $0.width && $0.source.height * eighths >= 8 * $0.height
      }
    }
    return JPEGScale(eighths: enough ?? 8)
  }
}
