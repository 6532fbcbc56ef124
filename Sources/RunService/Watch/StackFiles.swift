import Basics
internal import CStacks
import Foundation

/// `stacks/` of a run's directory: where the threads of a rank stood when the run was found stuck.
struct StackFiles: Sendable {
  let folder: URL

  private func open(rank: Int) -> Int32 {
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let url = folder.appendingPathComponent("rank-\(rank).txt")
    return Foundation.open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
  }

  /// Of this process; a folder that cannot be written to loses them.
  func writeOwn(rank: Int) {
    let file = open(rank: rank)
    guard file >= 0 else { return }
    defer { close(file) }
    write("\(Date().formatted(.iso8601)), process \(getpid()), \(RankState.own.activity.label)\n", to: file)
    _ = kelip_dump_stacks(file)
  }

  /// What the kernel says of another process on this machine, which does not answer.
  func writeKernels(rank: Int, process: Int32) {
    let file = open(rank: rank)
    guard file >= 0 else { return }
    defer { close(file) }
    write("\(Date().formatted(.iso8601)), process \(process), by the kernel:\n", to: file)
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    for task in tasks.sorted() {
      func content(_ name: String) -> String {
        (try? String(contentsOfFile: "/proc/\(process)/task/\(task)/\(name)", encoding: .utf8)) ?? ""
      }
      let state =
        content("status").split(separator: "\n").first { $0.hasPrefix("State:") } ?? "State: unknown"
      write("thread \(task): \(state) \(content("wchan")) \(content("stack"))\n", to: file)
    }
  }

  private func write(_ text: String, to file: Int32) {
    _ = Array(text.utf8).withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
  }
}
