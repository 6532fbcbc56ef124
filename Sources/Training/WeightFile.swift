import Basics
import Checkpointing
import Foundation
import Towers

/// Model weights under open_clip's (OpenAI CLIP's) names.
package enum WeightFile {
  /// Fills every parameter. All of them must be there with their shapes, and nothing else; KELIP's release puts
  /// `model.` before each name, which is taken off.
  package static func load(_ url: URL, into arena: ParameterArena) throws {
    try load(url, into: arena.declared)
  }

  /// The same for some of a model's parameters, first layer first.
  package static func load(_ url: URL, into parameters: [Parameter]) throws {
    let reader = try SafetensorsReader(url)
    let found = Dictionary(
      reader.tensors.map { (outsideName($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    try check(found, parameters, url)
    for parameter in parameters {
      let target = UnsafeMutableBufferPointer(start: parameter.value, count: parameter.count)
      try reader.copyFloats(named: found[parameter.name]!.name, into: target)
    }
  }

  private static func outsideName(_ name: String) -> String {
    name.hasPrefix("model.") ? String(name.dropFirst("model.".count)) : name
  }

  /// Throws with everything that is missing, surplus or of another shape.
  private static func check(
    _ found: [String: TensorSpec], _ parameters: [Parameter], _ url: URL
  ) throws {
    let expected = Set(parameters.map(\.name))
    var problems = parameters.compactMap { parameter -> String? in
      guard let tensor = found[parameter.name] else { return "missing \(parameter.name) \(parameter.shape)" }
      return tensor.shape == parameter.shape
        ? nil : "\(tensor.name) is \(tensor.shape), the model needs \(parameter.shape)"
    }
    problems += found.keys.filter { !expected.contains($0) }.sorted().map { "unknown tensor \($0)" }
    guard !problems.isEmpty else { return }
    let shown = problems.prefix(12) + (problems.count > 12 ? ["… and \(problems.count - 12) more"] : [])
    throw KelipError(
      "these weights are not of this model:\n    " + shown.joined(separator: "\n    "), at: url.path,
      hint: "give the model file that the weights were made with (model.config)")
  }
}
