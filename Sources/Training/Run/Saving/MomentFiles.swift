import Basics
import Checkpointing
import Foundation
import Towers

/// The optimizer's moments in a checkpoint, put together from the files of the ranks that wrote it, however many.
struct MomentFiles {
  private struct Stretch {
    let start: Int
    let tensor: TensorSpec
    let reader: SafetensorsReader
  }

  private let folder: URL
  /// By tensor name without the start, in rising order of starts.
  private var stretches: [String: [Stretch]] = [:]

  /// - Parameter folder: the checkpoint.
  init(_ folder: URL) throws {
    self.folder = folder
    let names = try CheckpointManifest(readingFrom: folder).files.map(\.name)
    let files = names.filter { $0.hasPrefix(MomentPieces.filePrefix) }
    guard !files.isEmpty else {
      throw KelipError("holds no optimizer's state: no \(MomentPieces.filePrefix)*", at: folder.path)
    }
    for name in files { try add(SafetensorsReader(folder.appendingPathComponent(name))) }
    for name in stretches.keys { stretches[name]!.sort { $0.start < $1.start } }
  }

  private mutating func add(_ reader: SafetensorsReader) throws {
    for tensor in reader.tensors {
      var (name, start) = (tensor.name, 0)
      if let mark = name.lastIndex(of: "@"), let number = Int(name[name.index(after: mark)...]) {
        (name, start) = (String(name[..<mark]), number)
      }
      stretches[name, default: []].append(Stretch(start: start, tensor: tensor, reader: reader))
    }
  }

  /// - Parameter target: [element count of the parameter]
  func read(_ moment: Moment, of parameter: Parameter, into target: UnsafeMutableBufferPointer<Float>) throws
  {
    let name = moment.tensorName(parameter)
    var end = 0
    for stretch in stretches[name] ?? [] {
      let next = stretch.start + stretch.tensor.elementCount
      guard stretch.start == end, next <= parameter.count else {
        throw KelipError(
          "tensor \(stretch.tensor.name) covers elements \(stretch.start) ..< \(next) of \(name), of which \(parameter.count) are expected, \(end) before it",
          at: stretch.reader.url.path)
      }
      try stretch.reader.copyFloats(
        named: stretch.tensor.name, into: UnsafeMutableBufferPointer(rebasing: target[end..<next]))
      end = next
    }
    guard end == parameter.count else {
      throw KelipError("\(name): \(end) of \(parameter.count) elements are there", at: folder.path)
    }
  }
}
