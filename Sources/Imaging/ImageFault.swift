/// Why bytes gave no picture. Data streams count bad samples by `reason`.
package enum ImageFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// No bytes.
  case empty
  /// Neither a JPEG nor a PNG by its first bytes.
  case unknownFormat
  /// The header announces more pixels than allowed; nothing was allocated for them.
  case tooLarge(width: Int, height: Int)
  /// The file ends before its picture does.
  case truncated
  /// The codec's own words.
  case corrupt(String)

  /// A stable name to count by, the same for every picture with this kind of fault.
  package var reason: String {
    switch self {
    case .empty: "image_empty"
    case .unknownFormat: "image_unknown_format"
    case .tooLarge: "image_too_large"
    case .truncated: "image_truncated"
    case .corrupt: "image_corrupt"
    }
  }

  package var description: String {
    switch self {
    case .empty, .unknownFormat, .truncated: reason
    case .tooLarge(let width, let height): "\(reason) (\(width)×\(height))"
    case .corrupt(let message): "\(reason) (\(message))"
    }
  }
}
