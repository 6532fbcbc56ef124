import ArgumentParser

/// `kelip data`: shards of captioned pictures.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Build, import and clean shards of captioned pictures.",
    subcommands: [DataBuild.self, DataImport.self, DataFilter.self])
}
