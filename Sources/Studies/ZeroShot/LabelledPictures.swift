import Imaging
import ShardStream

/// Pictures with a class each, whatever they lie in.
package protocol LabelledPictures: Sendable {
  /// Of every picture, in order.
  var labels: [String] { get }
  /// 3 × S × S normalised values of a picture; one that cannot be used throws `UnusablePicture`.
  func pixels(_ number: Int, _ preparation: ImagePreparation) throws -> [Float]
  /// How people find the picture.
  func name(_ number: Int) -> String
}

/// A picture that is left out and counted.
package struct UnusablePicture: Error {
  /// A stable name to count by.
  package var reason: String
}

extension LabelledPictures {
  static func pixels(_ picture: RGBImage, _ preparation: ImagePreparation) -> [Float] {
    [Float](unsafeUninitializedCapacity: preparation.valueCount) { buffer, count in
      preparation.prepare(picture, seed: 0, into: buffer)
      count = preparation.valueCount
    }
  }
}
