import Foundation

/// Who holds a file, by the kernel's own list: asking takes nothing from a run that is about to start.
enum FileLocks {
  /// Whether a process of this machine holds an flock(2) on the file.
  static func isHeld(_ url: URL) -> Bool {
    var status = stat()
    guard stat(url.path, &status) == 0,
      let list = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return false }
    // By inode alone: some file systems tell another device there than stat(2) does.
    return list.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.contains("FLOCK") && !words.contains("->")
        && words.contains { $0.hasSuffix(":\(status.st_ino)") }
    }
  }
}
