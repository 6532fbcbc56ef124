/// What a process tells its launcher when it ends; Slurm scripts decide on requeueing by it.
package enum ExitCode: Int32, Sendable {
  case done = 0
  /// A check was made, and did not pass.
  case checkFailed = 1
  /// Bad configuration or input: the user must change something.
  case badInput = 2
  /// Saved, and wants to be requeued.
  case requeue = 85
  /// Fatal, and must not be requeued.
  case fatal = 86
}

/// A fault of the outside world (a file, a config, another process), told so that a user can act on it.
///
/// Our own mistakes trap instead (`precondition`).
package struct KelipError: Error, CustomStringConvertible, Sendable {
  /// What is wrong, e.g. `patch_size 33 does not divide image_size 224`.
  package var message: String
  /// Where: a path, a config key, a tensor name, a rank.
  package var location: String?
  /// What to do about it.
  package var hint: String?
  package var exitCode: ExitCode
  /// Every rank of the world throws this same error: one of them tells it, and all leave in good order.
  package var isAgreed = false

  package init(
    _ message: String, at location: String? = nil, hint: String? = nil, exitCode: ExitCode = .badInput
  ) {
    self.message = message
    self.location = location
    self.hint = hint
    self.exitCode = exitCode
  }

  package var description: String {
    var text = location.map { "\($0): \(message)" } ?? message
    if let hint { text += "\n  → \(hint)" }
    return text
  }
}
