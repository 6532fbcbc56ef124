import Foundation

extension KelipError {
  /// A failed call of the operating system, with `errno` as it is now.
  ///
  /// - Parameters:
  ///   - call: the name of the C function.
  ///   - path: the file that it was about.
  package static func posix(_ call: String, at path: String) -> KelipError {
    let code = errno
    let isFull = code == ENOSPC || code == EDQUOT
    return KelipError(
      "\(call): \(String(cString: strerror(code)))", at: path, hint: isFull ? "make room on this disk" : nil,
      exitCode: isFull ? .fatal : .badInput)
  }
}
