import Evaluation
import ShardStream
import TinyRun
import Towers
import Training

/// An encoder whose features a test knows beforehand: of a picture by its mean colour, of a text by its words.
package final class StandInEncoder: FeatureEncoder, @unchecked Sendable {
  // Safe to share: never changed, and the closures of tests hold nothing that changes.
  package let config: ModelConfig
  package let logitScale: Float = 0
  private let picture: ([Float]) -> [Float]
  private let text: (String) -> [Float]

  /// - Parameters:
  ///   - dimension: what both closures give.
  ///   - picture: of a mean colour; red, green and blue from 0 to 255.
  package init(
    dimension: Int, picture: @escaping (_ colour: [Float]) -> [Float] = { _ in [] },
    text: @escaping (String) -> [Float]
  ) throws {
    config = try ModelFile.parse(
      TinyRun.model.replacing("embed_dim: 24", with: "embed_dim: \(dimension)"), source: "model")
    (self.picture, self.text) = (picture, text)
  }

  package func imageFeatures(_ pixels: [Float], count: Int) -> [Float] {
    let plane = pixels.count / max(1, 3 * count)
    return (0..<count).flatMap { number in
      picture(
        (0..<3).map { channel in
          let values = pixels[(3 * number + channel) * plane..<(3 * number + channel + 1) * plane]
          let mean = values.reduce(0, +) / Float(plane)
          return 255 * (mean * Normalization.clip.std[channel] + Normalization.clip.mean[channel])
        })
    }
  }

  package func textFeatures(_ captions: [String]) -> [Float] { captions.flatMap(text) }
}
