import Foundation

extension ImageFormat {
  package static let fileExtensions: Set<String> = ["jpg", "jpeg", "png", "webp"]

  /// Whether a file is a picture by its name.
  package static func isFileName(_ name: String) -> Bool {
    fileExtensions.contains((name as NSString).pathExtension.lowercased())
  }
}
