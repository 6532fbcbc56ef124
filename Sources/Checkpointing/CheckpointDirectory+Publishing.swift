import Basics
import Foundation

extension CheckpointDirectory {
  /// Gives a sealed checkpoint its name, lastingly, and then points `latest` to it.
  func publish(_ partial: URL, step: Int) throws {
    let final = url(step: step)
    if FileManager.default.fileExists(atPath: final.path) {
      // A folder cannot be replaced at once everywhere: for a moment only older checkpoints are there.
      let replaced = url.appendingPathComponent(
        "\(Self.name(step: step)).partial-\(processIdentifier)-replaced")
      try? FileManager.default.removeItem(at: replaced)
      try AtomicFile.move(final, to: replaced)
    }
    try AtomicFile.move(partial, to: final)
    try AtomicFile.synchronizeFolder(url)
    let text = Data("\(Self.name(step: step))\n".utf8)
    try AtomicFile.write(text, to: url.appendingPathComponent("latest"))
  }

  /// Removes unfinished checkpoints of processes that died, and those older than the last `keepLast` up to
  /// `step`. Only complete ones count; later ones, from before a resume, stay.
  func prune(after step: Int) throws {
    for name in try names() where name.contains(".partial-") { try remove(url.appendingPathComponent(name)) }
    guard let keepLast else { return }
    let older = try steps().filter { $0 <= step }
    let kept = older.filter(looksWhole).suffix(keepLast)
    guard let first = kept.first else { return }
    for step in older where step < first { try remove(url(step: step)) }
  }

  private func looksWhole(step: Int) -> Bool {
    let folder = url(step: step)
    guard let manifest = try? CheckpointManifest(readingFrom: folder) else { return false }
    return (try? manifest.checkSizes(in: folder)) != nil
  }

  /// The manifest goes first: what is left after a crash is no checkpoint any more.
  private func remove(_ folder: URL) throws {
    unlink(folder.appendingPathComponent(CheckpointManifest.fileName).path)
    do {
      try FileManager.default.removeItem(at: folder)
    } catch {
      throw KelipError("cannot be removed: \(error.localizedDescription)", at: folder.path)
    }
  }
}
