import Basics
import Collectives
import Foundation

/// The folder `.work` of an output folder: what a stopped command goes on from.
///
/// `plan` says what the work is for; a command with another plan is refused. Every other file appears whole.
struct WorkFolder: Sendable {
  let output: URL
  /// Called after each file that was written, with its name: for progress, and for tests that stop the work.
  let didWrite: @Sendable (String) throws -> Void

  var folder: URL { output.appendingPathComponent(".work") }
  private var planFile: URL { folder.appendingPathComponent("plan") }

  func measurement(_ shard: Int) -> URL { folder.appendingPathComponent("measured-\(shard.padded(to: 6))") }
  func part(_ name: String) -> URL { folder.appendingPathComponent("part-\(name)") }
  func result(_ name: String) -> URL { output.appendingPathComponent(name) }

  func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

  /// Makes the folders, or finds them as an earlier start of the same command left them. For the leader alone.
  ///
  /// - Parameters:
  ///   - plan: everything that the result depends on, a line each.
  ///   - command: what the plan belongs to, for the message.
  func begin(plan: String, command: String) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw KelipError("cannot make the folder: \(error.localizedDescription)", at: output.path)
    }
    if let present = try? String(contentsOf: planFile, encoding: .utf8) {
      guard present != plan else { return }
      throw KelipError(
        "the folder holds the work of another \(command): \(Self.difference(present, plan))", at: output.path,
        hint: "choose another --out, or remove this folder to start anew")
    }
    let others = try names().filter { $0 != ".work" }
    guard others.isEmpty else {
      throw KelipError(
        "the folder is not empty (\(others[0]))", at: output.path, hint: "choose another --out")
    }
    try AtomicFile.write(Data(plan.utf8), to: planFile)
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: output.path).sorted()
  }

  /// The first line that is not in both.
  private static func difference(_ old: String, _ new: String) -> String {
    let (old, new) = (old.split(separator: "\n"), new.split(separator: "\n"))
    let pair = zip(old, new).first { $0 != $1 }
    return pair.map { "it has \"\($0)\", this is \"\($1)\"" }
      ?? "\(old.count) and \(new.count) lines of settings"
  }

  func write(_ data: Data, to url: URL) throws {
    try AtomicFile.write(data, to: url)
    try didWrite(url.lastPathComponent)
  }

  func read(_ url: URL) throws -> Data {
    do {
      return try Data(contentsOf: url)
    } catch {
      throw KelipError("cannot read: \(error.localizedDescription)", at: url.path)
    }
  }

  /// The report of the same command when it had been through before, on every rank; nil when work is left.
  func finishedReport(_ name: String, _ communicator: any Communicator) throws -> Data? {
    let bytes =
      try communicator.onLeader { () -> [UInt8] in
        guard exists(result(name)) else { return [] }
        // It may have been stopped just before this.
        try end()
        return Array(try read(result(name)))
      } ?? []
    let shared = try communicator.broadcastBytes(bytes)
    return shared.isEmpty ? nil : Data(shared)
  }

  /// Removes what is not needed when the result is there, and what killed processes had begun; the plan stays. For the leader alone.
  func end() throws {
    for name in try names() where name.hasSuffix(".partial") || name.contains(".partial-") {
      try? FileManager.default.removeItem(at: output.appendingPathComponent(name))
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name != "plan" {
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }
}
