extension TarFault {
  /// A stable name to count by: `tar_bad_checksum` for `badChecksum`.
  package var reasonName: String {
    "tar_" + String(describing: reason).map { $0.isUppercase ? "_\($0.lowercased())" : String($0) }.joined()
  }
}

extension RejectedReason {
  /// A stable name to count by.
  package var reasonName: String {
    switch self {
    case .missingImage: "missing_image"
    case .missingText: "missing_text"
    case .duplicateExtension: "duplicate_extension"
    case .tooLarge: "member_too_large"
    }
  }
}
