import Basics
import Imaging

/// The views that a loader draws, as pictures: to be looked at.
package struct CropPreview: Sendable {
  package struct View: Sendable {
    package let view: ImageView
    package let picture: RGBImage
  }

  package struct Sample: Sendable {
    package let key: String
    /// Empty where the loader reads no captions.
    package let caption: String
    /// The whole picture.
    package let picture: RGBImage
    /// In the order of the loader's crops.
    package let views: [View]
  }

  private let options: LoaderOptions
  private let reader: SampleReader

  package init(_ options: LoaderOptions) {
    self.options = options
    reader = SampleReader(source: options.source, pictures: options.pictures)
  }

  /// The sample in slot `slot` of the global batch of step `step`, its views those of that step.
  ///
  /// JPEGs are decoded in full.
  /// - Throws: `SampleFault` for a bad sample, which a loader would replace.
  package func sample(step: Int, slot: Int) throws -> Sample {
    var cursor = options.order.cursor()
    let draw = cursor.draw(step: step, slot: slot)
    let id = try options.source.sample(draw, language: options.order.components[draw.component].language)
    let caption = options.needsCaptions ? try reader.caption(id) : ""
    let picture = try reader.image(id)
    let views = options.crops(step: step).enumerated().map { crop, preparation in
      let seed = options.order.cropSeed(id, epoch: draw.epoch, crop: crop)
      let view = preparation.view(width: picture.width, height: picture.height, seed: seed)
      return View(
        view: view, picture: picture.withDecodedPicture { ImageWorkspace().picture(view, of: $0) })
    }
    return Sample(key: try options.source.key(id), caption: caption, picture: picture, views: views)
  }
}

extension GlobalOrder {
  /// Of what is drawn at random for crop `crop` of a sample.
  func cropSeed(_ sample: SampleID, epoch: Int, crop: Int) -> UInt64 {
    Hashing.combine(
      seed, UInt64(epoch), DrawPurpose.crop.rawValue, UInt64(sample.shard), UInt64(sample.index),
      UInt64(crop))
  }
}
