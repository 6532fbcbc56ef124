import Foundation
import ShardStream

/// Why a row became no sample; the raw value is what `skipped.jsonl` says.
enum ImportFault: String, Error, CaseIterable, Sendable {
  case pathOutside = "path_outside"
  case pathNotUTF8 = "path_not_utf8"
  case imageMissing = "image_missing"
  case imageUnreadable = "image_unreadable"
  case imageEmpty = "image_empty"
  case imageTooLarge = "image_too_large"
  case imageUnknownFormat = "image_unknown_format"
  case imageCorrupt = "image_corrupt"
  case captionMissing = "caption_missing"
  case captionUnreadable = "caption_unreadable"
  case captionNotUTF8 = "caption_not_utf8"
  case captionEmpty = "caption_empty"
  case captionTooLarge = "caption_too_large"
  case fieldsMissing = "fields_missing"
  case duplicateExtension = "duplicate_extension"
  case metadataInvalid = "metadata_invalid"
}

/// One captioned picture to be, wherever it comes from.
struct ImportRow {
  enum Content {
    case file(String)
    case member(ShardFile, MemberRange)
    case bytes([UInt8])
  }

  /// From 0, over everything that is imported.
  var number: Int
  /// What the source calls the picture: a path or a key.
  var name: String
  var picture: Content
  var caption: Content
  /// What the source says of the language.
  var language: String?
  var metadata: [String: Any] = [:]
}

/// Rows by number.
protocol ImportSource {
  var count: Int { get }
  /// Calls `body` with every row of `range`, in order: the row, or why there is none.
  func forEach(in range: Range<Int>, _ body: (_ number: Int, Result<ImportRow, NamedFault>) throws -> Void)
    throws
}

/// A fault of a row, and what the source calls it.
struct NamedFault: Error, Equatable {
  var name: String
  var fault: ImportFault
}
