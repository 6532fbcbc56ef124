import Basics
import Kernels

/// An image and a text tower into one joint space, with CLIP's learned temperature.
///
/// A step: `refresh()`, `encodeImages`, `encodeTexts`, the loss on the features, `backwardTexts`, `backwardImages`,
/// then the arena is rewound by the caller. The parameter arena is laid out for backward in that order.
package final class DualEncoder<S: ComputeScalar> {
  /// The sizes it was made with.
  package let config: ModelConfig
  /// Every parameter of both towers and the logit scale; their gradients too when made for training.
  package let parameters: ParameterArena
  /// ln of the factor on cosine similarities; a scalar, ln(1/0.07) at the start.
  package let logitScale: Parameter
  private let vision: VisionTransformer<S>
  private let text: TextTransformer<S>

  /// Parameters are zero until `parameters.initialise` or a checkpoint fills them.
  package init(_ config: ModelConfig, training: Bool = true) throws {
    try config.validate()
    self.config = config
    let registry = ParameterRegistry()
    (vision, text, logitScale) = Self.declare(config, in: registry)
    parameters = ParameterArena(registry, withGradients: training)
  }

  /// Names and shapes of a model's parameters, first layer first, without memory for them.
  package static func declaredParameters(of config: ModelConfig) -> [Parameter] {
    let registry = ParameterRegistry()
    _ = declare(config, in: registry)
    return registry.parameters
  }

  private static func declare(
    _ config: ModelConfig, in registry: ParameterRegistry
  ) -> (VisionTransformer<S>, TextTransformer<S>, logitScale: Parameter) {
    let vision = VisionTransformer<S>(
      registry, config.vision, embedDim: config.embedDim, activation: config.activation)
    let text = TextTransformer<S>(
      registry, config.text, embedDim: config.embedDim, activation: config.activation)
    // Shape [] as in open_clip; ln(1/0.07).
    let logitScale = registry.add("logit_scale", [], decays: false, .constant(2.6592600369))
    return (vision, text, logitScale)
  }

  /// Re-reads the parameters into the compute path's copies; call after every change of them.
  package func refresh(training: Bool = true) {
    vision.refresh(training: training)
    text.refresh(training: training)
  }

  /// images[B, 3, S, S] → features[B, D], not normalised.
  package func encodeImages(
    _ images: UnsafePointer<Float>, batch: Int, into features: UnsafeMutablePointer<Float>, arena: Arena,
    training: Bool = true
  ) {
    vision.forward(images, batch: batch, into: features, arena: arena, training: training)
  }

  /// captions → features[B, D], not normalised.
  package func encodeTexts(
    _ captions: PackedCaptions, into features: UnsafeMutablePointer<Float>, arena: Arena,
    training: Bool = true
  ) {
    text.forward(captions, into: features, arena: arena, training: training)
  }

  /// `gradientsReady(end)`: the first `end` elements of the gradient arena are complete.
  package func backwardTexts(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    try text.backward(dFeatures, gradientsReady: gradientsReady)
  }

  /// From dFeatures[B, D] of the last `encodeImages`; gradients accumulate (+=). `gradientsReady` as in
  /// `backwardTexts`, which comes first.
  package func backwardImages(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) rethrows {
    try vision.backward(dFeatures, gradientsReady: gradientsReady)
  }
}
