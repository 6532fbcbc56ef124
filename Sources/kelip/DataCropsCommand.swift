import ArgumentParser
import Basics
import Charts
import Previews
import Foundation
import ProgramEntry
import Training

/// `kelip data crops`: what a run cuts from its pictures.
struct DataCrops: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crops",
    abstract: "Draw the crops that a run trains on, beside the whole pictures.",
    discussion: """
      Takes a run's configuration and writes a PNG: the first samples of a step's global batch, each with every crop \
      as that step sees it, before normalisation, and under it what was done to its colours.
      """)

  @Option(help: "A run's configuration.", completion: .file()) var config: String
  @Option(name: .customLong("set"), help: "key=value: override a key of the configuration; may be repeated.")
  var overrides: [String] = []
  @Option(name: .customLong("out"), help: "The PNG file.", completion: .file()) var output: String
  @Option(help: "How many samples.") var samples = 6
  @Option(help: "The step (counted from 0), of the stage.") var step = 0
  @Option(help: "The stage; the last unless told.") var stage: String?
  @Option(help: "The sheet's font; NanumGothic where it is installed.", completion: .file())
  var font: String?

  func validate() throws {
    if samples < 1 { throw ValidationError("--samples must be at least 1") }
    if step < 0 { throw ValidationError("--step counts from 0") }
  }

  func run() throws {
    Program.run { communicator in
      let config = try communicator.agree { try TrainConfig(contentsOf: self.config, overrides: overrides) }
      let plan = try RunPlan(config, communicator)
      guard communicator.isLeader else { return .done }
      let stage = try stage(of: plan)
      guard step < stage.settings.steps else {
        throw KelipError("there is no step \(step)", at: "--step", hint: "up to \(stage.settings.steps - 1)")
      }
      let sheet = try CropSheet(plan, stage).sheet(
        title: "\(self.config), step \(step)", step: step, count: samples)
      try sheet.draw(font: ChartFont.open(font)).writePNG(to: URL(fileURLWithPath: output))
      print(output)
      return .done
    }
  }

  private func stage(of plan: RunPlan) throws -> StagePlan {
    guard let name = stage else { return plan.stages.last! }
    guard let found = plan.stages.first(where: { $0.settings.kind.rawValue == name }) else {
      let known = plan.stages.map(\.settings.kind.rawValue).joined(separator: ", ")
      throw KelipError("there is no stage \"\(name)\"", at: "--stage", hint: "one of: \(known)")
    }
    return found
  }
}
