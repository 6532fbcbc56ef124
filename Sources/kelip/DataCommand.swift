import ArgumentParser

/// `kelip data`: shards of captioned pictures.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Build and check shards of captioned pictures.",
    subcommands: [DataBuild.self, DataOrder.self, DataStats.self, DataVerify.self])
}
