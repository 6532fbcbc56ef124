import Basics
import Foundation

/// Writes a file in pieces beside its place, and renames it when it is whole.
///
/// - Parameter body: writes to the partial file; when it throws, nothing is left of that.
func replacing(_ url: URL, _ body: (_ partial: URL) throws -> Void) throws {
  let partial = url.deletingLastPathComponent()
    .appendingPathComponent(".\(url.lastPathComponent).partial-\(getpid())")
  do {
    try body(partial)
    try AtomicFile.move(partial, to: url)
  } catch {
    unlink(partial.path)
    throw error
  }
}
