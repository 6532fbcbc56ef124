import Basics
import Checkpointing
import Foundation
import Kernels
import Towers

/// Model weights as safetensors, under the names of any kind of file in `NameMap.known`.
package enum WeightFile {
  /// Fills every parameter. All of them must be there with their shapes, and nothing else.
  package static func load(_ url: URL, into arena: ParameterArena) throws {
    try load(url, into: arena.declared, .model)
  }

  /// Fills some of a model's parameters from kelip's own file of exactly these.
  ///
  /// - Parameter parameters: first layer first.
  package static func load(_ url: URL, into parameters: [Parameter]) throws {
    try load(url, into: parameters, .model, as: .openCLIP)
  }

  /// Fills what of `parameters` belongs to `scope`, and says what it found.
  ///
  /// - Parameters:
  ///   - url: a file, or a folder of a checkpoint or an exported model.
  ///   - map: the file's kind; nil to tell it by its names.
  @discardableResult
  package static func load(
    _ url: URL, into parameters: [Parameter], _ scope: WeightScope, as map: NameMap? = nil
  ) throws -> WeightFit {
    let weights = try NamedWeights(url, as: map)
    let fit = WeightFit(weights, parameters, scope)
    try fit.check()
    for parameter in parameters {
      guard let tensor = fit.filled[parameter.name] else { continue }
      let target = UnsafeMutableBufferPointer(start: parameter.value, count: parameter.count)
      try weights.reader.copyNumbers(named: tensor.name, into: target)
    }
    return fit
  }
}

/// Parameters as a file holds them: in its order, each in the type that other libraries give it.
package struct ParameterTensors {
  private let ordered: [(parameter: Parameter, spec: TensorSpec)]

  /// - Parameter parameters: first layer first.
  package init(_ parameters: [Parameter]) {
    let specs = parameters.map { ($0, TensorSpec($0.name, Self.type(of: $0), $0.shape)) }
    // A tensor must begin on a multiple of its element's width: counts come before floats.
    ordered = specs.filter { $0.1.type == .int64 } + specs.filter { $0.1.type != .int64 }
  }

  package var tensors: [TensorSpec] { ordered.map(\.spec) }

  /// Fills the image of a file of these tensors with the parameters' values.
  package func copy(into image: SafetensorsImage) {
    for (index, (parameter, spec)) in ordered.enumerated() {
      let values = UnsafeBufferPointer(start: parameter.value, count: parameter.count)
      let target = image.tensor(index)
      if spec.type == .int64 {
        for (i, value) in values.enumerated() {
          target.storeBytes(of: Int64(value), toByteOffset: 8 * i, as: Int64.self)
        }
      } else {
        copyBlock(values, to: target.assumingMemoryBound(to: Float.self))
      }
    }
  }

  /// Batch norm's count is a whole number in PyTorch.
  private static func type(of parameter: Parameter) -> TensorType {
    parameter.name.hasSuffix(".num_batches_tracked") ? .int64 : .float32
  }
}
