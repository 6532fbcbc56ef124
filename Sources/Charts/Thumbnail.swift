import Imaging

/// A picture made small for a sheet.
package enum Thumbnail {
  /// `image` as large as fits, its sides in proportion, centred on a grey square.
  package static func square(of image: RGBImage, side: Int) -> RGBImage {
    var square = RGBImage(width: side, height: side, fill: ChartColour.backing)
    let longer = max(image.width, image.height)
    guard min(image.width, image.height) > 0 else { return square }
    let width = max(1, (image.width * side + longer / 2) / longer)
    let height = max(1, (image.height * side + longer / 2) / longer)
    let fitted = Resampling.resize(image, width: width, height: height)
    square.paste(fitted, x: (side - width) / 2, y: (side - height) / 2)
    return square
  }
}
