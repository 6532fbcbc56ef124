import Captions
import Foundation

/// A readable sample on its way through the rules.
package struct Candidate: Sendable {
  /// Of the picture, in pixels.
  package let width: Int
  package let height: Int
  /// SHA-256 of the picture's bytes.
  package let pictureDigest: [UInt8]
  /// Nil where no rule asks for it, and for a picture that was too large to decode.
  package let perceptualHash: PerceptualHash?
  /// What the model is shown, 3 × S × S; nil where there is no model or the picture cannot be shown.
  var pixels: [Float]?
  /// As it stands in the shard.
  package let originalCaption: String
  /// As the rules have left it so far.
  package var caption: String
  /// What the sample's metadata say.
  let statedLanguage: CaptionLanguage?
  package var similarity: Float?
  /// Of the present caption; nil without a tokenizer.
  var tokenCount: Int? { countTokens.map { $0(caption) } }
  let countTokens: (@Sendable (String) -> Int)?

  /// The metadata's, else what the caption seems to be in.
  package var language: CaptionLanguage { statedLanguage ?? .detect(caption) }

  /// Unicode code points.
  package var characterCount: Int { caption.unicodeScalars.count }
}

/// The `"language"` of a sample's `.json` member, and what else is in it.
struct SampleMetadata {
  var values: [String: Any]

  /// Empty for what is no JSON object.
  init(_ bytes: [UInt8]?) {
    let object = bytes.flatMap { try? JSONSerialization.jsonObject(with: Data($0)) }
    values = object as? [String: Any] ?? [:]
  }

  var language: CaptionLanguage? { (values["language"] as? String).flatMap(CaptionLanguage.init(tag:)) }
}
