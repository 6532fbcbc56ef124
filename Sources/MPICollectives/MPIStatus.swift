import Basics
internal import CMPIShims

/// Throws unless an MPI call went well.
///
/// - Parameters:
///   - call: the name of the MPI function.
///   - rank: this process's; nil before it is known.
func check(_ call: String, rank: Int?, _ status: Int32) throws {
  guard status != kelip_mpi_success() else { return }
  throw KelipError.mpi(call, code: status, text: errorText(status), rank: rank)
}

extension KelipError {
  /// A failed MPI call. Whoever meets one can no longer talk to the other ranks.
  static func mpi(_ call: String, code: Int32, text: String, rank: Int?) -> KelipError {
    KelipError(
      "\(call) failed with code \(code): \(text)", at: rank.map { "rank \($0)" },
      hint: "another rank or its machine may be gone: look for the first error in the log", exitCode: .fatal)
  }
}

private func errorText(_ status: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(KELIP_MPI_MAX_ERROR_STRING)) { text in
    text.initialize(repeating: 0)
    kelip_mpi_error_string(status, text.baseAddress)
    return String(cString: text.baseAddress!)
  }
}
