import Basics
import Imaging

/// One view of a picture: what to draw, how large, and how to scale its values.
package struct ImagePreparation: Equatable, Sendable {
  /// Side of the square that the tower gets.
  package var size: Int
  /// Side that what is cut is resized to before it is resized to `size`; nil where that happens at once.
  package var cropSize: Int?
  package var augmentation: Augmentation
  package var colours: ColourDistortion
  package var normalization: Normalization

  package init(
    size: Int, cropSize: Int? = nil, augmentation: Augmentation = .none, colours: ColourDistortion = .none,
    normalization: Normalization = .clip
  ) {
    precondition(size > 0 && cropSize ?? size > 0)
    self.size = size
    self.cropSize = cropSize
    self.augmentation = augmentation
    self.colours = colours
    self.normalization = normalization
  }

  /// 3 × size × size.
  package var valueCount: Int { 3 * size * size }

  /// What to draw of a picture of this size, standing upright; equal seeds give equal views.
  package func view(width: Int, height: Int, seed: UInt64) -> ImageView {
    var generator = SeededGenerator(seed: seed)
    var view = augmentation.view(width: width, height: height, size: cropSize ?? size, generator: &generator)
    (view.outputWidth, view.outputHeight) = (size, size)
    view.adjustments = colours.draw(size: size, &generator)
    return view
  }

  /// Writes 3 × size × size normalised floats.
  package func draw(
    _ view: ImageView, of picture: DecodedPicture, with workspace: ImageWorkspace,
    into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(output.count == valueCount)
    workspace.draw(
      view, of: picture, mean: normalization.mean, std: normalization.std, into: output.baseAddress!)
  }

  /// `view` and `draw` of a picture that is decoded and upright already.
  package func prepare(_ image: RGBImage, seed: UInt64, into output: UnsafeMutableBufferPointer<Float>) {
    let view = view(width: image.width, height: image.height, seed: seed)
    image.withDecodedPicture { draw(view, of: $0, with: ImageWorkspace(), into: output) }
  }

  /// The view as a picture, before its values are scaled: to be looked at.
  package func picture(of image: RGBImage, seed: UInt64) -> RGBImage {
    let view = view(width: image.width, height: image.height, seed: seed)
    return image.withDecodedPicture { ImageWorkspace().picture(view, of: $0) }
  }
}
