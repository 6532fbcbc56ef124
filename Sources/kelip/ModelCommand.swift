import ArgumentParser
import Basics
import Kernels
import Towers
import Training

/// `kelip model`: what a model file describes.
struct Model: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look at model files.", subcommands: [ModelInfo.self])
}

struct ModelInfo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Count a model's parameters and list its tensors.")

  @Option(help: "Model file (YAML or JSON, open_clip's keys).", completion: .file()) var config: String
  @Flag(help: "List every tensor.") var tensors = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let parameters = DualEncoder<Float>.declaredParameters(of: try ModelFile.load(config))
    let counted = parameters.filter { $0.role != .statistic }
    let image = counted.filter { $0.name.hasPrefix("visual.") }.reduce(0) { $0 + $1.count }
    let total = counted.reduce(0) { $0 + $1.count }
    var fields: [(String, JSONText)] = [
      ("parameters", .integer(total)), ("image_tower", .integer(image)),
      ("text_tower", .integer(total - image - 1)),
      ("logit_scale", .integer(1)),
    ]
    if tensors {
      let listed = parameters.map { ($0.name, JSONText.array($0.shape.map(JSONText.integer))) }
      fields = json ? fields + [("tensors", .object(listed))] : fields + listed
    }
    printFields(fields, json: json)
  }
}
