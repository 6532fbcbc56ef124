/// Damage inside a tar: what lies before `offset` is sound, the rest of the archive cannot be trusted.
package struct TarFault: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Reason: String, CaseIterable, Sendable {
    case badChecksum = "the header's checksum does not match"
    case badSize = "the header's size is not a number"
    case badExtendedHeader = "an extended header (PAX or GNU long name) cannot be parsed"
    case truncatedHeader = "the file ends inside a header"
    case truncatedMember = "the file ends inside a member"
    case missingEnd = "the archive has no end marker: it may have been cut off"
    case unsupportedType = "a sparse or multi-volume member is not supported"

    /// A stable name to count by.
    package var name: String {
      switch self {
      case .badChecksum: "tar_bad_checksum"
      case .badSize: "tar_bad_size"
      case .badExtendedHeader: "tar_bad_extended_header"
      case .truncatedHeader: "tar_truncated_header"
      case .truncatedMember: "tar_truncated_member"
      case .missingEnd: "tar_missing_end"
      case .unsupportedType: "tar_unsupported_type"
      }
    }
  }

  package let reason: Reason
  /// Byte position of the header at which the damage was seen.
  package let offset: Int

  package var description: String { "\(reason.rawValue) (at byte \(offset))" }
}

/// A regular file inside a tar.
package struct TarEntry: Equatable, Sendable {
  package let name: String
  /// Byte position of the data in the archive, a multiple of 512.
  package let offset: Int
  /// Bytes of data.
  package let size: Int
}
