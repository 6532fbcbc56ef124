import ArgumentParser
import Basics
import Benchmarks
import Planning
import ProgramEntry

/// `kelip bench collectives`: what ranks do together; under mpirun.
struct BenchCollectives: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collectives",
    abstract: "Time the collectives of a step, alone and beside compute; run it under mpirun.")

  @Option(help: "Longest buffer, in mebibytes.") var maxMegabytes: Int = 64
  @Option(help: "Seconds for each length.") var seconds: Double = 0.5
  @Option(help: "The network's stated rate in Gbit/s, kept with the result.") var bandwidth: Double?
  @Option(help: "The network's stated latency in µs.") var latency: Double?
  @Flag(help: "Print JSON, as `kelip plan --collectives` reads it.") var json = false

  func validate() throws {
    guard (1...1024).contains(maxMegabytes), seconds > 0, bandwidth ?? 1 > 0, latency ?? 0 >= 0 else {
      throw ValidationError("lengths, times and rates must be positive; at most 1024 MiB")
    }
  }

  func run() throws {
    Program.run { communicator in
      let lengths = sequence(first: 1 << 10) { $0 * 4 <= maxMegabytes << 20 ? $0 * 4 : nil }
      let benchmark = CollectiveBenchmark(
        lengths: Array(lengths), seconds: seconds,
        nominal: bandwidth.map { Link(gigabitsPerSecond: $0, microseconds: latency ?? 0) })
      let timing = try benchmark.run(communicator)
      guard communicator.isLeader else { return .done }
      if json { print(timing.json.text) } else { show(timing) }
      return .done
    }
  }

  private func show(_ timing: CollectiveTiming) {
    print("\(timing.worldSize) ranks on \(timing.nodes) machine\(timing.nodes == 1 ? "" : "s")")
    for curve in timing.curves {
      print("\(curve.kind.rawValue)")
      for point in curve.points {
        print(
          "  \(Text.right(point.bytes.digitGrouped, 12)) bytes"
            + "  \(Text.right(Text.number(point.seconds * 1e6, 1), 12)) µs"
            + "  \(Text.right(Text.number(Double(point.bytes) / point.seconds / 1e9, 3), 8)) GB/s")
      }
      let line = curve.line
      print(
        "  fit: \(Text.number(line.latency * 1e6, 1)) µs"
          + (line.perByte > 0 ? " + bytes at \(Text.number(1e-9 / line.perByte, 3)) GB/s" : ""))
    }
    if let overlap = timing.overlap {
      print(
        "beside compute: \(Text.number(100 * overlap.hiddenRate, 0)) % of that rate, "
          + "\(Text.number(overlap.stolenSecondsPerByte * 1e9, 3)) s of compute lost a GB that a rank sends")
    }
  }
}
