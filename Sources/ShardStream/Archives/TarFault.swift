/// Damage inside a shard: what lies before it is sound, the rest of the archive cannot be trusted.
package struct TarFault: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Reason: String, CaseIterable, Sendable {
    case badChecksum = "the header's checksum does not match"
    case badSize = "the header's size is not a number, negative or too large"
    case badExtendedHeader = "an extended header (PAX or GNU long name) cannot be parsed"
    case truncatedHeader = "the file ends inside a header"
    case truncatedMember = "the file ends inside a member"
    case missingEnd = "the archive has no end marker: it may have been cut off"
    case dataAfterEnd = "data follow the end marker, such as a second archive; they are not read"
    case zstdUnknownFormat = "the file is not zstd, but its name says so"
    case zstdTruncated = "the compressed file ends inside a frame"
    case zstdCorrupt = "a zstd frame is damaged or its checksum does not match"
    case zstdWindowTooLarge = "a zstd frame needs a window of more than 128 MiB"
    case zstdNeedsDictionary = "a zstd frame needs a dictionary"
    case zstdBomb = "the zstd data expand more than 64 MiB and 200 times"

    /// A stable name to count by.
    package var name: String {
      switch self {
      case .badChecksum: "tar_bad_checksum"
      case .badSize: "tar_bad_size"
      case .badExtendedHeader: "tar_bad_extended_header"
      case .truncatedHeader: "tar_truncated_header"
      case .truncatedMember: "tar_truncated_member"
      case .missingEnd: "tar_missing_end"
      case .dataAfterEnd: "tar_data_after_end"
      case .zstdUnknownFormat: "zstd_unknown_format"
      case .zstdTruncated: "zstd_truncated"
      case .zstdCorrupt: "zstd_corrupt"
      case .zstdWindowTooLarge: "zstd_window_too_large"
      case .zstdNeedsDictionary: "zstd_needs_dictionary"
      case .zstdBomb: "zstd_bomb"
      }
    }
  }

  package let reason: Reason
  /// Byte position in the tar: of the header at which the damage was seen, or at which compressed data failed.
  package let offset: Int
  /// Members that reach beyond this byte of the tar are lost too, though they could be read: they lie in a
  /// compressed frame that is damaged as a whole.
  package let soundEnd: Int

  package init(reason: Reason, offset: Int, soundEnd: Int = .max) {
    (self.reason, self.offset, self.soundEnd) = (reason, offset, soundEnd)
  }

  package var description: String { "\(reason.rawValue) (\(reasonName), at byte \(offset))" }
}

/// A regular file inside a tar.
package struct TarEntry: Equatable, Sendable {
  package let name: String
  /// Byte position of the data in the archive, a multiple of 512.
  package let offset: Int
  /// Bytes of data.
  package let size: Int
  /// A sparse file: its bytes are not those of the member.
  package var isSparse = false
}
