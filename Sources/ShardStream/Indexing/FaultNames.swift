extension TarFault {
  /// A stable name to count by, such as `tar_bad_checksum`.
  package var reasonName: String { reason.name }
}

extension RejectedReason {
  /// A stable name to count by.
  package var reasonName: String { name }
}
