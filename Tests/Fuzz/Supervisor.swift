import Basics
import Foundation

/// The number of the case under way, where a dead process leaves it for another to read.
final class Progress {
  let url: URL
  private let place: UnsafeMutablePointer<Int64>

  /// - Parameter isNew: whether to make the file.
  init(_ url: URL, isNew: Bool) throws {
    self.url = url
    let descriptor = open(url.path, isNew ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0o600)
    guard descriptor >= 0, ftruncate(descriptor, 8) == 0 else {
      throw KelipError("cannot make the file", at: url.path)
    }
    let address = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    close(descriptor)
    guard let address, address != MAP_FAILED else { throw KelipError("cannot map the file", at: url.path) }
    place = address.bindMemory(to: Int64.self, capacity: 1)
  }

  deinit { munmap(place, 8) }

  var number: Int {
    get { Int(place.pointee) }
    set { place.pointee = Int64(newValue) }
  }
}

/// What a process that ran a range of cases tells the one that started it.
struct Report: Codable {
  var cases = 0
  var outcomes: [String: Int] = [:]
  var peakMegabytes = 0
}

/// Runs a reader's cases in a process of its own, and goes on behind each case that ends it.
struct Supervisor {
  let reader: Reader
  let cases: Int
  /// Arguments that the other process needs beside its range.
  let arguments: [String]
  let seed: UInt64
  /// A case that takes longer hangs.
  let limitSeconds: Double

  private static let fewFailures = 5

  /// - Returns: whether every case came to an end.
  func run() throws -> Bool {
    let start = monotonicSeconds()
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("kelip-fuzz-\(getpid())")
    defer { try? FileManager.default.removeItem(at: file) }
    let progress = try Progress(file, isNew: true)
    var (next, failures, total) = (0, 0, Report())
    while next < cases, failures < Self.fewFailures {
      progress.number = next
      guard let report = try runChild(from: next, progress) else {
        failures += 1
        next = progress.number + 1
        continue
      }
      total.outcomes.merge(report.outcomes, uniquingKeysWith: +)
      total.peakMegabytes = max(total.peakMegabytes, report.peakMegabytes)
      next = cases
    }
    tell(total, failures: failures, seconds: monotonicSeconds() - start)
    return failures == 0
  }

  /// Nil when the process died or hung.
  private func runChild(from first: Int, _ progress: Progress) throws -> Report? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments =
      arguments + [
        "--reader", reader.name, "--cases", "\(cases)", "--first", "\(first)", "--child", progress.url.path,
      ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let didEnd = wait(process, progress)
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    if didEnd, process.terminationReason == .exit, process.terminationStatus == 0 {
      return try JSONDecoder().decode(Report.self, from: output)
    }
    let what =
      !didEnd
      ? "hung"
      : process.terminationReason == .exit
        ? "ended with status \(process.terminationStatus)" : "died of signal \(process.terminationStatus)"
    say(
      "FAILED  \(reader.name): case \(progress.number) \(what); again with: kelip-fuzz --reader \(reader.name) "
        + "--seed \(seed) --only \(progress.number) (and the same --corpus)")
    return nil
  }

  /// False when a case took too long and the process was killed.
  private func wait(_ process: Process, _ progress: Progress) -> Bool {
    var (number, since) = (progress.number, monotonicSeconds())
    while process.isRunning {
      usleep(20_000)
      if progress.number != number { (number, since) = (progress.number, monotonicSeconds()) }
      if monotonicSeconds() - since > limitSeconds {
        kill(process.processIdentifier, SIGKILL)
        return false
      }
    }
    return true
  }

  /// At once, into pipes too.
  private func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

  private func tell(_ report: Report, failures: Int, seconds: Double) {
    let outcomes = report.outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    let tenths = Int(seconds * 10)
    say(
      "\(failures == 0 ? "ok" : "FAILED")  \(reader.name): \(cases) cases of \(reader.seeds.count) seeds, "
        + "\(tenths / 10).\(tenths % 10) s, \(report.peakMegabytes) MiB: \(outcomes)")
  }
}
