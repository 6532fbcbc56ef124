import Basics
import Checkpointing
import Foundation
import Kernels
import Tokenization
import Towers

/// A model on its way to another library.
package struct WeightExport {
  package var model: ModelConfig
  package var weights: NamedWeights
  package var tokenizer: (any Tokenizer)?

  /// - Throws: where the weights are not of the model.
  package init(model: ModelConfig, weights: NamedWeights, tokenizer: (any Tokenizer)?) throws {
    (self.model, self.weights, self.tokenizer) = (model, weights, tokenizer)
    try fit().check()
  }

  private func fit() -> WeightFit { WeightFit(weights, parameters) }

  private var parameters: [Parameter] { DualEncoder<Float>.declaredParameters(of: model) }

  /// What was written.
  package struct Report: Sendable {
    /// In the folder.
    package var files: [String]
    package var tensorCount: Int
    /// Tensors here of the exported towers for which the format has no place.
    package var leftOut: [String]
  }

  /// Writes the folder, which must not be there yet, or be empty.
  ///
  /// - Parameter type: of the weights; nil to keep each as it is.
  package func write(_ format: ExportFormat, type: TensorType?, to folder: URL) throws -> Report {
    let files = try format.files(model, tokenizer)
    let filled = fit().filled
    let taken = parameters.map(\.name).filter { filled[$0] != nil && format.takes($0) }
    let items = taken.compactMap { name in
      format.map.outside(name).map { WeightCopy.Item(weights.reader, filled[name]!.name, as: $0) }
    }
    let copy = try WeightCopy(items, type: type)
    try Self.prepare(folder)
    for file in files { try AtomicFile.write(file.data, to: folder.appendingPathComponent(file.name)) }
    try copy.write(to: folder.appendingPathComponent(format.weightsName))
    return Report(
      files: files.map(\.name) + [format.weightsName], tensorCount: items.count,
      leftOut: taken.filter { format.map.outside($0) == nil })
  }

  private static func prepare(_ folder: URL) throws {
    let files = FileManager.default
    if let names = try? files.contentsOfDirectory(atPath: folder.path), !names.isEmpty {
      throw KelipError("the folder is not empty", at: folder.path, hint: "name a new one")
    }
    do {
      try files.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw KelipError("cannot be created: \(error.localizedDescription)", at: folder.path)
    }
  }
}
