import ArgumentParser
import Basics
import Charts
import Foundation
import PageServing
import Search
import ShardStream

/// `kelip search`: pictures by Korean or English text, or by picture.
struct SearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find the pictures most like a text or a picture; on a small local page, too.",
    discussion: """
      Every picture of the index is scored; of equal scores the first row comes first. With --serve a page on this \
      machine answers until it is interrupted; its address holds a token that lets a browser in.
      """)

  @Argument(help: "The folder that kelip index made.", completion: .directory) var index: String
  @Argument(help: "Korean or English texts.") var texts: [String] = []
  @OptionGroup var modelOptions: ModelOptions
  @Option(parsing: .upToNextOption, help: "Pictures to look for the like of.", completion: .file())
  var images: [String] = []
  @Option(help: "Pictures found by each.") var k = 10
  @Option(parsing: .upToNextOption, help: "Where the index's shards lie now, in the same order.")
  var data: [String] = []
  @Option(help: "Write the pictures found to this PNG.") var sheet: String?
  @Flag(help: "Print JSON.") var json = false
  @Flag(help: "Serve the page.") var serve = false
  @Option(help: "A name or number of this machine.") var address = "127.0.0.1"
  @Option(help: "0 for any free one.") var port: UInt16 = 0

  func validate() throws {
    guard serve || !texts.isEmpty || !images.isEmpty else {
      throw ValidationError("give texts, --images or --serve")
    }
    guard k > 0 else { throw ValidationError("--k must be at least 1") }
  }

  func run() throws {
    let search = try PictureSearch(
      try SearchIndex(URL(fileURLWithPath: index)), try modelOptions.encoder(),
      weights: try modelOptions.weightsDigest())
    let asked =
      try texts.map { ($0, try search.find(text: $0, k: k)) }
      + images.map { ($0, try search.find(picture: $0, k: k)) }
    for (query, found) in asked { tell(query, found) }
    guard sheet != nil || serve else { return }
    let pictures = try IndexedPictures(
      shards: data.isEmpty ? search.index.facts.shards : data,
      threads: ProcessInfo.processInfo.activeProcessorCount)
    if let sheet { try draw(asked, pictures, to: sheet) }
    if serve { try serve(SearchPage(search, pictures)) }
  }

  private func tell(_ query: String, _ found: [PictureSearch.Found]) {
    guard !json else {
      let fields: [(String, JSONText)] = [
        ("query", .string(query)), ("pictures", .array(found.map(\.json))),
      ]
      return print(JSONText.object(fields).text)
    }
    print(query)
    for picture in found {
      print(
        String(format: "  %.3f  ", picture.score) + "\(picture.facts.key)  \(picture.facts.caption ?? "")")
    }
  }

  private func draw(
    _ asked: [(String, [PictureSearch.Found])], _ pictures: IndexedPictures, to path: String
  ) throws {
    let groups = try asked.map { query, found in
      SampleSheet.Group(
        title: query,
        tiles: try found.map {
          SampleSheet.Tile(
            picture: try pictures.picture($0.facts), caption: $0.facts.caption ?? $0.facts.key,
            note: String(format: "%.3f", $0.score))
        })
    }
    try SampleSheet(title: "kelip search", groups: groups).write(to: path)
  }

  /// Until the process is interrupted.
  private func serve(_ page: SearchPage) throws {
    let token = FileManager.default.temporaryDirectory.appendingPathComponent(
      "kelip-search-\(getpid()).token")
    defer { unlink(token.path) }
    let site = try GuardedPage(PagePlace(address: address, port: port, ownTokenFile: token)) {
      page.response(to: $0)
    }
    let secret = try TextFile.read(site.tokenFile.path, "the token")
    print("\(site.url)?token=\(secret.trimmingCharacters(in: .whitespacesAndNewlines))")
    fflush(nil)
    waitForInterrupt(site.start)
    site.stop()
  }
}

/// Runs `begin`, and returns at SIGINT or SIGTERM.
private func waitForInterrupt(_ begin: () -> Void) {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGINT)
  sigaddset(&signals, SIGTERM)
  // Threads made from now on inherit it, so that the signal is left for `sigwait`.
  pthread_sigmask(SIG_BLOCK, &signals, nil)
  begin()
  var taken: Int32 = 0
  sigwait(&signals, &taken)
}
