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

  /// The scales there are, and how many more samples than are drawn they must leave on either axis.
  ///
  /// Only halves, quarters and eighths: libjpeg-turbo's vector code knows no other, and five eighths take longer
  /// than the whole picture. With these margins not one of the photographs tried is further than 4/255 in the mean
  /// from its unscaled result; all together are at 1/255 (`Tests/Benchmarks/scaled_decode.py`).
  private static let margins: [(eighths: Int, margin: Double)] = [(1, 1.2), (2, 1.2), (4, 1.05)]

  /// The smallest scale that leaves enough samples for every view.
  package static func smallest(for views: [ImageView]) -> JPEGScale {
    let enough = margins.first { scale in
      let factor = Double(scale.eighths) / 8 / scale.margin
      return views.allSatisfy {
        Double($0.source.width) * factor >= Double($0.width)
          && Double($0.source.height) * factor >= Double($0.height)
      }
    }
    return JPEGScale(eighths: enough?.eighths ?? 8)
  }
}
