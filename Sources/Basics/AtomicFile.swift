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

  /// Makes the names in a folder lasting.
  package static func synchronizeFolder(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw KelipError.posix("open", at: url.path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw KelipError.posix("fsync", at: url.path) }
  }
}
