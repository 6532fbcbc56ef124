import ShardStream

/// A model that tells how well pictures and captions belong together.
package protocol PairScorer: AnyObject {
  /// How pictures are to be prepared for it.
  var preparation: ImagePreparation { get }
  /// - Parameters:
  ///   - pixels: B × 3 × S × S normalised values.
  ///   - captions: B texts.
  /// - Returns: B cosines, the same whatever the order or the company of the pairs.
  func similarities(pixels: [Float], captions: [String]) throws -> [Float]
}
