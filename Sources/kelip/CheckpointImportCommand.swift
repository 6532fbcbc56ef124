import ArgumentParser
import Basics
import Checkpointing
import Foundation
import Towers
import Training

struct CheckpointImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Write weights of other libraries under the names they have here.",
    discussion: """
      Several files (an image tower's, a text tower's) become one. With --model, every tensor that is missing, surplus or \
      of another shape is listed, and the exit status is 1 where there is one. model.init_from, model.init_image_from and \
      model.init_text_from read the original files as well.
      """)

  @Argument(help: "safetensors files, or folders that hold one.", completion: .file()) var files: [String]
  @OptionGroup var formatOptions: WeightFormatOptions
  @Option(help: "Model file that they are for.", completion: .file()) var model: String?
  @Option(name: .customLong("as"), help: "Number format of the weights: keep, fp32, fp16 or bf16.")
  var type: WeightPrecision = .keep
  @Option(help: "The safetensors file to write.", completion: .file()) var out: String

  func run() throws {
    let map = try formatOptions.map()
    let sources = try files.map { try NamedWeights(URL(fileURLWithPath: $0), as: map) }
    let copy = try WeightCopy(sources.flatMap(items), type: type.type)
    let url = URL(fileURLWithPath: out)
    try copy.write(to: url)
    for source in sources { tell(source) }
    print("\(out): \(copy.tensors.count) tensors, \(copy.tensors.reduce(0) { $0 + $1.elementCount }) numbers")
    guard let model else { return }
    let scope = sources.count == 1 ? WeightScope(usualFor: sources[0].map) : .model
    let parameters = DualEncoder<Float>.declaredParameters(of: try ModelFile.load(model))
    let fit = WeightFit(try NamedWeights(url, as: .openCLIP), parameters, scope)
    try printFit(fit)
  }

  private func items(_ source: NamedWeights) -> [WeightCopy.Item] {
    let names = Dictionary(uniqueKeysWithValues: source.tensors.map { ($0.value.name, $0.key) })
    return source.reader.tensors.compactMap { spec in
      names[spec.name].map { WeightCopy.Item(source.reader, spec.name, as: $0) }
    }
  }

  private func tell(_ source: NamedWeights) {
    print("\(source.reader.url.path): \(source.tensors.count) tensors of \(source.map.format)")
    for name in source.ignored { print("  left out, no weight of a tower: \(name)") }
    for name in source.unknown { print("  left out, unknown: \(name)") }
  }
}

/// Prints how weights and a model go together; exit status 1 where they do not.
func printFit(_ fit: WeightFit) throws {
  for line in fit.summary { print(line) }
  for problem in fit.problems { print("  \(problem)") }
  guard fit.problems.isEmpty else { throw ExitCode(Basics.ExitCode.checkFailed.rawValue) }
}
