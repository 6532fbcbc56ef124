import ArgumentParser
import Basics
import Foundation

struct Fuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kelip-fuzz",
    abstract: "Feeds every reader of foreign bytes with changed input.",
    discussion: """
      Each case is a function of seed and number. A case that ends the process, or takes too long, is told with what \
      runs it again; the exit status is then 1.
      """)

  @Option(help: "One reader, several with commas, or all.") var reader = "all"
  @Option(help: "Cases a reader; a tenth of them for loading tokenizers, which is slow.") var cases = 2000
  @Option(help: "Of all cases.") var seed: UInt64 = 1
  @Option(help: "A folder with inputs to begin with (repeatable).") var corpus: [String]
  @Option(help: "Run this case alone, in this process, and keep its input in case.bin.") var only: Int?
  @Option(help: "Seconds that a case may take.") var limit = 20.0
  @Option(help: .hidden) var child: String?
  @Option(help: .hidden) var first = 0

  func run() throws {
    Self.limitMemory()
    let readers = try chosen(Reader.all(try Seeds(folders: corpus)))
    if let only { return try runAlone(readers[0], only) }
    if let child { return try runRange(readers[0], try Progress(URL(fileURLWithPath: child), isNew: false)) }
    let options =
      ["--seed", "\(seed)"] + corpus.flatMap { ["--corpus", $0] }
    let passed = try readers.map {
      try Supervisor(
        reader: $0, cases: max(1, cases / $0.slowness), arguments: options, seed: seed, limitSeconds: limit
      ).run()
    }
    guard passed.allSatisfy(\.self) else { throw ExitCode(1) }
  }

  private func chosen(_ readers: [Reader]) throws -> [Reader] {
    for reader in readers where reader.seeds.isEmpty {
      throw ValidationError("the corpus holds no input for \(reader.name)")
    }
    guard reader != "all" else { return readers }
    return try reader.split(separator: ",").map { name in
      guard let found = readers.first(where: { $0.name == name }) else {
        throw ValidationError("no reader \(name); there are \(readers.map(\.name).joined(separator: ", "))")
      }
      return found
    }
  }

  private func runAlone(_ reader: Reader, _ number: Int) throws {
    let input = reader.input(seed: caseSeed(reader), number: number)
    try Data(input).write(to: URL(fileURLWithPath: "case.bin"))
    print("\(reader.name), case \(number), \(input.count) bytes (case.bin)")
    print(reader.outcome(input))
  }

  /// On a thread with the small stack that worker threads have, where deep recursion shows.
  private func runRange(_ reader: Reader, _ progress: Progress) throws {
    let (seed, range) = (caseSeed(reader), first..<cases)
    nonisolated(unsafe) let (reader, progress) = (reader, progress)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      var report = Report()
      let parent = getppid()
      for number in range {
        if getppid() != parent { break }  // Nobody waits for the report.
        progress.number = number
        report.outcomes[reader.outcome(reader.input(seed: seed, number: number)), default: 0] += 1
      }
      report.cases = range.count
      report.peakMegabytes = Self.peakMegabytes
      if let data = try? JSONEncoder().encode(report) { FileHandle.standardOutput.write(data) }
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
  }

  /// Under AddressSanitizer, which takes terabytes of addresses, `hard_rss_limit_mb` does it (see run.sh).
  private static func limitMemory() {
    guard dlsym(nil, "__asan_init") == nil else { return }
    var limit = rlimit(rlim_cur: 4 << 30, rlim_max: 4 << 30)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
  }

  private static var peakMegabytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss >> 10
  }

  private func caseSeed(_ reader: Reader) -> UInt64 {
    reader.name.utf8.reduce(seed) { Hashing.combine($0, UInt64($1)) }
  }
}

Fuzz.main()
