import Basics
import Checkpointing
import Towers

/// How a weight file and a model go together: what is filled, what is left, and all that does not fit.
package struct WeightFit: Sendable {
  package let scope: WeightScope
  /// `open_clip`, `huggingface-bert`, ….
  package let format: String
  package let path: String
  /// Parameters by name, each with the file's tensor.
  package private(set) var filled: [String: TensorSpec] = [:]
  /// Parameters that keep the values they start with, and why.
  package private(set) var afresh: [String] = []
  /// Tensors of the file that the model has no use for, as they are called there.
  package private(set) var unused: [String] = []
  /// Every missing, surplus and mis-shaped tensor; empty where the two fit.
  package private(set) var problems: [String] = []

  /// - Parameter parameters: those of the model, first layer first.
  package init(_ weights: NamedWeights, _ parameters: [Parameter], _ scope: WeightScope = .model) {
    (self.scope, format, path) = (scope, weights.map.format, weights.reader.url.path)
    let wanted = parameters.filter { scope.covers($0.name) }
    for parameter in wanted { place(parameter, weights.tensors[parameter.name]) }
    let names = Set(wanted.map(\.name))
    let surplus = weights.tensors.filter { scope.covers($0.key) && !names.contains($0.key) }
    for (name, tensor) in surplus.sorted(by: { $0.key < $1.key }) {
      if scope.mayStayUnused(name) {
        unused.append("\(tensor.name) \(tensor.shape)")
      } else {
        problems.append("unknown tensor \(tensor.name)")
      }
    }
    problems += weights.unknown.sorted().map { "unknown tensor \($0)" }
    unused += weights.ignored
  }

  private mutating func place(_ parameter: Parameter, _ tensor: TensorSpec?) {
    guard let tensor else {
      let text = "missing \(parameter.name) \(parameter.shape)"
      // Files of before PyTorch 0.4.1 have no count; it matters to no result.
      let isOptional =
        scope.mayStartAfresh(parameter.name) || parameter.name.hasSuffix(".num_batches_tracked")
      return isOptional ? afresh.append(text) : problems.append(text)
    }
    guard tensor.shape == parameter.shape else {
      let text = "\(tensor.name) is \(tensor.shape), the model needs \(parameter.shape)"
      return scope.mayStartAfresh(parameter.name) ? afresh.append(text) : problems.append(text)
    }
    filled[parameter.name] = tensor
  }

  /// Throws with what does not fit.
  package func check() throws {
    guard !filled.isEmpty || !problems.isEmpty else {
      throw KelipError("holds nothing of the \(scope.rawValue)", at: path)
    }
    guard !problems.isEmpty else { return }
    let shown = problems.prefix(12) + (problems.count > 12 ? ["… and \(problems.count - 12) more"] : [])
    let whole = scope == .model ? "model" : "model's \(scope.rawValue)"
    throw KelipError(
      "these weights are not of this \(whole):\n    " + shown.joined(separator: "\n    "), at: path,
      hint: "give the model file that the weights were made with; "
        + "`kelip checkpoint inspect FILE --model M` lists every difference")
  }

  /// For the log: what was filled from where, and each exception.
  package var summary: [String] {
    ["\(scope.rawValue) from \(path) (\(format)): \(filled.count) tensors"]
      + afresh.map { "  starts afresh: \($0)" } + unused.map { "  not used: \($0)" }
  }
}
