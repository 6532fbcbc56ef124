import Basics
import Foundation

extension CheckpointDirectory {
  /// Gives a sealed checkpoint its name, lastingly, and then points `latest` to it.
  func publish(_ partial: URL, step: Int) throws {
    let final = url(step: step)
    if FileManager.default.fileExists(atPath: final.path) {
      try AtomicFile.exchange(partial, final)
    } else {
      try AtomicFile.move(partial, to: final)
    }
    try AtomicFile.synchronizeFolder(url)
    let text = Data("\(Self.name(step: step))\n".utf8)
    try AtomicFile.write(text, to: url.appendingPathComponent("latest"))
  }

  /// Points `best` to a checkpoint, if it is there.
  package func publishBest(step: Int) throws {
    guard try steps().contains(step) else { return }
    try AtomicFile.write(Data("\(Self.name(step: step))\n".utf8), to: url.appendingPathComponent("best"))
  }

  /// Removes unfinished checkpoints of processes that died, and of those up to `step` what need not be kept. Only
  /// complete ones count; later ones, from before a resume, stay.
  ///
  /// - Parameter best: the step of one that stays beside the newest.
  package func prune(after step: Int, keeping best: Int? = nil) throws {
    for name in try names() where name.contains(".partial-") { try remove(url.appendingPathComponent(name)) }
    guard let keepLast = retention.last else { return }
    let older = try steps().filter { $0 <= step }
    guard let first = older.filter(looksWhole).suffix(keepLast).first else { return }
    for step in older where step < first && step != best && !retention.keepsForGood(step) {
      try remove(url(step: step))
    }
  }

  /// Removes every checkpoint of this step and later ones.
  package func removeAll(from step: Int) throws {
    let removed = try steps().filter { $0 >= step }
    for step in removed { try remove(url(step: step)) }
    guard !removed.isEmpty else { return }
    let text = try steps().last.map { "\(Self.name(step: $0))\n" } ?? ""
    try AtomicFile.write(Data(text.utf8), to: url.appendingPathComponent("latest"))
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
