internal import CFiles
import Foundation

/// Files that are either the old or the new, never half of one, also after a power cut.
package enum AtomicFile {
  /// Writes beside the place, waits for the disk, and renames.
  package static func write(_ data: some ContiguousBytes, to url: URL) throws {
    let folder = url.deletingLastPathComponent()
    let name = ".\(url.lastPathComponent).partial-\(ProcessInfo.processInfo.processIdentifier)"
    let partial = folder.appendingPathComponent(name)
    do {
      let file = try OutputFile(partial)
      try file.write(data)
      try file.finish()
      try move(partial, to: url)
    } catch {
      unlink(partial.path)
      throw error
    }
    try synchronizeFolder(folder)
  }

  /// rename(2): replaces a file, or an empty folder, at once. Lasting only after `synchronizeFolder`.
  package static func move(_ source: URL, to destination: URL) throws {
    guard rename(source.path, destination.path) == 0 else {
      throw KelipError.posix("rename to \(destination.lastPathComponent)", at: source.path)
    }
  }

  /// Each gets the other's name, at once where the file system can; else for a moment `second` is not there.
  package static func exchange(_ first: URL, _ second: URL) throws {
    guard kelip_exchange_names(first.path, second.path) != 0 else { return }
    guard errno == EINVAL || errno == ENOSYS else {
      throw KelipError.posix("exchange with \(second.lastPathComponent)", at: first.path)
    }
    let aside = first.appendingPathExtension("replaced")
    try move(second, to: aside)
    try move(first, to: second)
    try move(aside, to: first)
  }

  /// Makes the names in a folder lasting.
  package static func synchronizeFolder(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: url.path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw KelipError.posix("fsync", at: url.path) }
  }
}
