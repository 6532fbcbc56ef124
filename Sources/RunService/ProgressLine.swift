import Foundation

/// One live line on the leader's standard error: step, loss, pairs a second, time left.
///
/// On a terminal it rewrites itself; in a file or a Slurm log a line appears now and then.
package struct ProgressLine {
  private let totalSteps: Int
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var lastShown = Date.distantPast
  private var smoothedSeconds: Double?

  /// - Parameter totalSteps: steps of the whole run, those before a resume included.
  package init(totalSteps: Int) { self.totalSteps = totalSteps }

  /// - Parameter done: steps finished.
  package mutating func show(done: Int, loss: Double, samplesPerSecond: Double, stepSeconds: Double) {
    // An average over the last ten steps or so: a single slow step does not move the estimate.
    smoothedSeconds = smoothedSeconds.map { 0.9 * $0 + 0.1 * stepSeconds } ?? stepSeconds
    let interval = isTerminal ? 0.2 : 10
    let isLast = done == totalSteps
    guard isLast || Date().timeIntervalSince(lastShown) >= interval else { return }
    lastShown = Date()
    let left = Self.duration(smoothedSeconds! * Double(totalSteps - done))
    let text =
      "step \(done)/\(totalSteps)  loss \(String(format: "%.4f", loss))  "
      + "\(String(format: "%.1f", samplesPerSecond)) pairs/s  \(left) left"
    let line = isTerminal ? "\r\u{1B}[K" + text + (isLast ? "\n" : "") : text + "\n"
    FileHandle.standardError.write(Data(line.utf8))
  }

  static func duration(_ seconds: Double) -> String {
    let total = Int(seconds.rounded())
    let (days, hours, minutes) = (total / 86400, total / 3600 % 24, total / 60 % 60)
    if days > 0 { return "\(days)d \(hours)h" }
    return hours > 0 ? "\(hours)h \(minutes)m" : minutes > 0 ? "\(minutes)m \(total % 60)s" : "\(total)s"
  }
}
