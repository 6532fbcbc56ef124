/// Why bytes gave no picture. Data streams count bad samples by `reason`.
package enum ImageFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// No bytes.
  case empty
  /// Neither JPEG, PNG nor WebP by its first bytes; what it looks like where that is known ("HTML", "GIF").
  case unknownFormat(looksLike: String?)
  /// The header announces more pixels than allowed; nothing was allocated for them.
  case tooLarge(width: Int, height: Int)
  /// The file ends before its picture does.
  case truncated
  /// A progressive JPEG that would be gone over more often than its size allows.
  case tooManyScans(limit: Int)
  /// The codec's own words.
  case corrupt(String)

  /// A stable name to count by, the same for every picture with this kind of fault.
  package var reason: String {
    switch self {
    case .empty: "image_empty"
    case .unknownFormat: "image_unknown_format"
    case .tooLarge: "image_too_large"
    case .truncated: "image_truncated"
    case .tooManyScans: "image_too_many_scans"
    case .corrupt: "image_corrupt"
    }
  }

  package var description: String {
    switch self {
    case .empty, .truncated, .unknownFormat(nil): reason
    case .unknownFormat(.some(let kind)): "\(reason) (looks like \(kind))"
    case .tooManyScans(let limit): "\(reason) (more than \(limit))"
    case .tooLarge(let width, let height): "\(reason) (\(width)×\(height))"
    case .corrupt(let message): "\(reason) (\(message))"
    }
  }
}
