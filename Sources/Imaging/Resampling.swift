/// Antialiased bicubic resizing, equal bit for bit to Pillow's `resize(size, BICUBIC)` of 8-bit RGB.
package enum Resampling {
  /// Crops, then resizes the crop: samples outside `crop` have no influence, as in
  /// `image.crop(…).resize(…)`. `nil` takes the whole picture.
  package static func resize(
    _ image: RGBImage, crop: Box? = nil, width: Int, height: Int
  ) -> RGBImage {
    let box = crop ?? Box(x: 0, y: 0, width: image.width, height: image.height)
    return draw(ImageView(source: box, width: width, height: height), of: image)
  }

  /// The view's window.
  static func draw(_ view: ImageView, of image: RGBImage) -> RGBImage {
    view.source.requireInside(width: image.width, height: image.height)
    let (horizontal, vertical) = view.axes()
    let count = view.window.width * view.window.height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { target, initialised in
      image.pixels.withUnsafeBufferPointer { source in
        let rows = PixelRows(base: source.baseAddress!, stride: image.width * 3)
        Resampler().resample(rows, horizontal: horizontal, vertical: vertical, to: target.baseAddress!)
      }
      initialised = count
    }
    return RGBImage(width: view.window.width, height: view.window.height, pixels: pixels)
  }
}
