import ArgumentParser

/// `kelip data`: shards of captioned pictures.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Build, import, clean and check shards of captioned pictures.",
    subcommands: [
      DataBuild.self, DataIndex.self, DataImport.self, DataFilter.self, DataStats.self, DataVerify.self,
      DataOrder.self, DataCrops.self,
    ])
}
