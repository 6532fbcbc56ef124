import Imaging

/// Why a sample cannot be trained on.
package enum SampleFault: Error, Equatable, Sendable {
  case image(ImageFault)
  /// So long and narrow that resizing the shorter side would make an enormous picture.
  case imageTooElongated(width: Int, height: Int)
  case captionNotUTF8
  /// UTF-16 that passes for UTF-8, or no text at all.
  case captionHasNul
  case captionEmpty
  /// More than a mebibyte of text is no caption.
  case captionTooLarge(bytes: Int)
  /// The part of the shard that holds it is damaged.
  case shard(TarFault.Reason)

  /// A stable name to count by.
  package var reason: String {
    switch self {
    case .image(let fault): fault.reason
    case .imageTooElongated: "image_too_elongated"
    case .captionNotUTF8: "caption_not_utf8"
    case .captionHasNul: "caption_has_nul"
    case .captionEmpty: "caption_empty"
    case .captionTooLarge: "caption_too_large"
    case .shard(let reason): reason.name
    }
  }
}

/// A bad sample that was replaced (training) or left out (evaluation).
package struct SkippedSample: Equatable, Sendable {
  package let key: String
  /// Path of its shard.
  package let shard: String
  package let fault: SampleFault

  /// A stable name to count by, such as `image_truncated`.
  package var reason: String { fault.reason }
}
