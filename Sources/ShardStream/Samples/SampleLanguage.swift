import Captions
import Foundation

extension CaptionLanguage {
  /// The language of a sample: its metadata's `"language"` where that is `ko`, `en` or `other`, else what the caption
  /// looks like. A caption that cannot be read is in no language.
  ///
  /// - Parameter metadata: the bytes of the `.json` member.
  package static func ofSample(metadata: [UInt8]?, caption: String?) -> CaptionLanguage {
    metadata.flatMap(tagged) ?? caption.map(detect) ?? .other
  }

  private static let needle = Data(#""language""#.utf8)

  /// Parsing is dear, and most metadata has no language: look first.
  private static func tagged(_ json: [UInt8]) -> CaptionLanguage? {
    let json = Data(json)
    guard json.range(of: needle) != nil,
      let object = try? JSONSerialization.jsonObject(with: json) as? [String: Any]
    else { return nil }
    return (object["language"] as? String).flatMap(CaptionLanguage.init(tag:))
  }
}
