import Towers

/// A model that turns pictures and captions into features, whatever its precision.
package protocol FeatureEncoder: AnyObject {
  var config: ModelConfig { get }
  /// The learned factor on cosine similarities, as log.
  var logitScale: Float { get }
  /// pixels: B × 3 × S × S normalised values → B × D, not normalised.
  func imageFeatures(_ pixels: [Float], count: Int) -> [Float]
  /// B captions → B × D, not normalised.
  func textFeatures(_ captions: [String]) -> [Float]
}
