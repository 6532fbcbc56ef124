import ArgumentParser
import Collectives
import Kernels
import Towers

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine with the program's own work.",
    subcommands: [
      BenchStep.self, BenchLoss.self, BenchData.self, BenchTokenizer.self, BenchKernels.self,
      BenchCollectives.self,
    ])
}

extension Precision: ExpressibleByArgument {}
extension GradientWire: ExpressibleByArgument {}

extension Freezing: ExpressibleByArgument {
  public init?(argument: String) { self.init(text: argument) }
}
