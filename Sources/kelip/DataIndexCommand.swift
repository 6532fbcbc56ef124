import ArgumentParser
import Basics
import Curation
import Foundation
import MPICollectives
import ProgramEntry
import ShardStream

/// `kelip data index`: where the samples of shards lie, in a small file beside each.
struct DataIndex: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Write an index beside each shard, so that runs start without reading all tar headers.",
    discussion: """
      SHARD.tar gets SHARD.tar.kelip-index: keys, members, languages, and what is no sample. Indexes that are there \
      and fit are kept, so an interrupted run goes on; a shard that has changed is indexed anew. Under mpirun the \
      shards are dealt to the ranks; the result is the same. Nothing but indexes is written. \
      Exit status: 0 done, 1 with --check and an index that is missing or stale, 2 bad usage.
      """)

  @Argument(help: "Shards: directory, glob, range, @FILE with a path a line, or several of these.")
  var shards: [String]
  @Option(help: "Where indexes go instead: a folder that repeats the shards' absolute paths.")
  var indexDirectory: String?
  @Flag(help: "Read all shards and hold the indexes against them; write nothing.") var check = false
  @Flag(help: "Index shards anew whose index fits, too.") var force = false
  @Flag(help: "Leave out shards without _stats.json where others have one (img2dataset did not end them).")
  var skipIncomplete = false
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if check && force { throw ValidationError("--check writes nothing: leave out --force") }
  }

  func run() throws {
    Program.run { communicator in
      let urls = try communicator.agree { try ShardList.resolve(shards) }
      let report = try IndexRun.run(urls, options, communicator)
      if let report { print(json ? report.json.text : report.description) }
      return try communicator.max(report?.isInOrder == false ? 1 : 0) > 0 ? .checkFailed : .done
    }
  }

  private var options: IndexRun.Options {
    var options = IndexRun.Options()
    options.place = SidecarPlace(folder: indexDirectory)
    (options.checks, options.forces, options.skipsIncomplete) = (check, force, skipIncomplete)
    options.threads = MPICommunicator.isLaunchedByMPI ? 1 : ProcessInfo.processInfo.activeProcessorCount
    return options
  }
}
