import Basics
import Kernels

/// An image and a text tower into one joint space, with CLIP's learned temperature.
///
/// A step: `refresh()`, `encodeImages`, `encodeTexts`, the loss on the features, `backwardTexts`, `backwardImages`,
/// then the arena is rewound by the caller. The parameter arena is laid out for backward in that order.
package final class DualEncoder<S: ComputeScalar> {
  /// What of a model keeps its weights.
  package struct FrozenParts: Sendable, Equatable {
    package var image: Freezing
    package var text: Freezing
    package var logitScale: Bool

    package init(image: Freezing = .none, text: Freezing = .none, logitScale: Bool = false) {
      (self.image, self.text, self.logitScale) = (image, text, logitScale)
    }
  }

  /// The sizes it was made with.
  package let config: ModelConfig
  /// Every parameter of both towers and the logit scale; the gradients of what is trained when made for training.
  package let parameters: ParameterArena
  /// ln of the factor on cosine similarities; a scalar, ln(1/0.07) at the start.
  package let logitScale: Parameter
  package let images: any ImageTower<S>
  package let texts: any TextTower<S>

  /// Parameters are zero until `parameters.initialise` or a checkpoint fills them.
  ///
  /// - Parameter heads: declares what an objective trains beside the towers; it comes first in backward order.
  package init(
    _ config: ModelConfig, training: Bool = true, frozen: FrozenParts = FrozenParts(),
    heads: (ParameterRegistry) -> Void = { _ in }
  ) throws {
    try config.validate()
    self.config = config
    let registry = ParameterRegistry()
    (images, texts, logitScale) = Self.declare(config, in: registry, frozen)
    registry.heads { heads(registry) }
    parameters = ParameterArena(registry, withGradients: training)
  }

  /// Names and shapes of a model's parameters, first layer first, without memory for them.
  package static func declaredParameters(of config: ModelConfig) -> [Parameter] {
    let registry = ParameterRegistry()
    _ = declare(config, in: registry, FrozenParts())
    return registry.parameters
  }

  private static func declare(
    _ config: ModelConfig, in registry: ParameterRegistry, _ frozen: FrozenParts
  ) -> (any ImageTower<S>, any TextTower<S>, logitScale: Parameter) {
    let images = config.vision.makeTower(
      registry, embedDim: config.embedDim, activation: config.activation, freezing: frozen.image, as: S.self)
    let texts = config.text.makeTower(
      registry, embedDim: config.embedDim, activation: config.activation, freezing: frozen.text, as: S.self)
    // Shape [] as in open_clip; ln(1/0.07).
    let logitScale = registry.frozen(if: frozen.logitScale) {
      registry.add("logit_scale", [], decays: false, .constant(2.6592600369))
    }
    return (images, texts, logitScale)
  }

  /// Re-reads the parameters into the compute path's copies; call after every change of them.
  package func refresh(training: Bool = true) {
    let span = Phase.weightCopies.begin()
    defer { span.end() }
    images.refresh(training: training)
    texts.refresh(training: training)
  }

  /// images[B, 3, H, W] → features[B, D], not normalised.
  package func encodeImages(
    _ images: ImageBatch, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) throws {
    let span = Phase.imageForward.begin()
    defer { span.end() }
    try self.images.forward(images, into: features, pass)
  }

  /// captions → features[B, D], not normalised.
  package func encodeTexts(
    _ captions: PackedCaptions, into features: UnsafeMutablePointer<Float>, _ pass: TowerPass
  ) throws {
    let span = Phase.textForward.begin()
    defer { span.end() }
    try texts.forward(captions, into: features, pass)
  }

  /// `gradientsReady(end)`: the first `end` elements of the gradient arena are complete.
  package func backwardTexts(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    let span = Phase.textBackward.begin()
    defer { span.end() }
    try texts.backward(dFeatures, gradientsReady: gradientsReady)
  }

  /// From dFeatures[B, D] of the last `encodeImages`; gradients accumulate (+=). `gradientsReady` as in
  /// `backwardTexts`, which comes first.
  package func backwardImages(
    _ dFeatures: UnsafePointer<Float>, gradientsReady: (_ end: Int) throws -> Void
  ) throws {
    let span = Phase.imageBackward.begin()
    defer { span.end() }
    try images.backward(dFeatures, gradientsReady: gradientsReady)
  }
}
